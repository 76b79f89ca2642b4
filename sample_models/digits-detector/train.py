"""Remakes the digit detector from nothing: python sample_models/digits-detector/train.py"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgekit.core.preprocessing import Pixels
from edgekit.models.plan import Plan
from edgekit.models.remake import main

PLAN = Plan(
    id="digits-detector",
    title="Digit detector",
    summary="Finds handwritten digits of many sizes in a scene, and draws a box around each.",
    architecture="detector",
    outputs=14,
    reference="Tian et al. 2019, FCOS: Fully Convolutional One-Stage Object Detection, arXiv:1904.01355, on one level",
    data="digit-scenes",
    preprocessing=Pixels(mean=(0.496,), std=(0.212,)),
    epochs=24,
    batch_size=64,
    optimizer="adamw",
    learning_rate=2e-3,
    weight_decay=2e-2,
    shift=0,
    half=True,
)

if __name__ == "__main__":
    sys.exit(main(PLAN, Path(__file__).parent))
