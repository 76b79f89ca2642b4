"""Remakes the anomaly autoencoder from nothing: python sample_models/anomaly-autoencoder/train.py"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgekit.core.preprocessing import Values
from edgekit.models.plan import Plan
from edgekit.models.remake import main

PLAN = Plan(
    id="anomaly-autoencoder",
    title="Anomaly autoencoder",
    summary="Learns what a heartbeat looks like, and finds the one that is odd by what it cannot rebuild of it.",
    architecture="autoencoder",
    outputs=96,
    reference="Banbury et al. 2021, MLPerf Tiny, arXiv:2106.07597",
    data="internal-bleeding",
    preprocessing=Values(mean=(72.3,), std=(13.5,)),
    epochs=60,
    batch_size=64,
    optimizer="adamw",
    learning_rate=3e-3,
    weight_decay=1e-2,
    average=0.98,  # over some fifty updates: an epoch has thirteen
    shift=0,
    half=True,
)

if __name__ == "__main__":
    sys.exit(main(PLAN, Path(__file__).parent))
