"""Remakes ResNet-20 from nothing: python sample_models/resnet20-cifar10/train.py"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgekit.core.preprocessing import Pixels
from edgekit.models.plan import Plan
from edgekit.models.remake import main

PLAN = Plan(
    id="resnet20-cifar10",
    title="ResNet-20",
    summary="Nine residual blocks in three stages: the smallest network of the ResNet paper for CIFAR-10.",
    architecture="resnet20",
    reference="He et al. 2016, Deep Residual Learning for Image Recognition, arXiv:1512.03385",
    data="cifar10",
    preprocessing=Pixels(mean=(0.4914, 0.4822, 0.4465), std=(0.2470, 0.2435, 0.2616)),
    epochs=60,
    learning_rate=0.1,
    weight_decay=5e-4,
    shift=4,
    born_again=8,
)

if __name__ == "__main__":
    sys.exit(main(PLAN, Path(__file__).parent))
