"""Remakes LeNet-5 from nothing: python sample_models/lenet5-fashion/train.py"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgekit.core.preprocessing import Pixels
from edgekit.models.plan import Plan
from edgekit.models.remake import main

PLAN = Plan(
    id="lenet5-fashion",
    title="LeNet-5",
    summary="Two convolutions and two fully connected layers; most of its weights are in the first of those.",
    architecture="lenet5",
    reference="Han et al. 2016, Deep Compression, arXiv:1510.00149, after LeCun et al. 1998",
    data="fashion-mnist",
    preprocessing=Pixels(mean=(0.2860,), std=(0.3530,)),
    epochs=25,
    learning_rate=0.03,
    weight_decay=1e-3,
    shift=1,
)

if __name__ == "__main__":
    sys.exit(main(PLAN, Path(__file__).parent))
