"""Remakes the spoken-digit network from nothing: python sample_models/digits-gru/train.py"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgekit.core.preprocessing import Values
from edgekit.models.plan import Plan
from edgekit.models.remake import main

PLAN = Plan(
    id="digits-gru",
    title="Spoken-digit GRU",
    summary="Hears which digit was said: a recurrent network that reads cepstral coefficients step by step.",
    architecture="gru",
    reference="Cho et al. 2014, Learning Phrase Representations using RNN Encoder–Decoder, arXiv:1406.1078",
    data="spoken-digits",
    preprocessing=Values(
        mean=(-113.1, 10.0, -1.8, -7.2, -14.0, -7.3, -6.6, -3.8, -5.3, -2.9, -4.5, -4.2, -4.6),
        std=(170.8, 33.5, 23.8, 20.2, 25.7, 18.1, 14.5, 10.6, 11.7, 9.8, 10.5, 9.5, 9.7),
    ),
    optimizer="adamw",
    epochs=30,
    learning_rate=0.005,
    weight_decay=0.02,
    shift=0,
    batch_size=64,
    average=0.98,  # over some fifty updates: an epoch has thirty-four
)

if __name__ == "__main__":
    sys.exit(main(PLAN, Path(__file__).parent))
