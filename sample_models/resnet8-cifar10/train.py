"""Remakes ResNet-8 from nothing: python sample_models/resnet8-cifar10/train.py"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgekit.core.preprocessing import Pixels
from edgekit.models.plan import Plan
from edgekit.models.remake import main

PLAN = Plan(
    id="resnet8-cifar10",
    title="ResNet-8",
    summary="Three residual blocks: the image classifier of the MLPerf Tiny benchmark for microcontrollers.",
    architecture="resnet8",
    reference="Banbury et al. 2021, MLPerf Tiny Benchmark, arXiv:2106.07597",
    data="cifar10",
    preprocessing=Pixels(mean=(0.4914, 0.4822, 0.4465), std=(0.2470, 0.2435, 0.2616)),
    epochs=110,
    learning_rate=0.1,
    weight_decay=2e-4,
    shift=3,
)

if __name__ == "__main__":
    sys.exit(main(PLAN, Path(__file__).parent))
