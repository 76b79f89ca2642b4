"""Remakes ResNet-50 for CIFAR-10 from nothing: python sample_models/resnet50-cifar10/train.py"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgekit.core.preprocessing import Pixels
from edgekit.models.plan import Plan
from edgekit.models.remake import main

PLAN = Plan(
    id="resnet50-cifar10",
    title="ResNet-50",
    summary="Sixteen bottleneck blocks: the network of most published numbers, trained briefly at 48 pixels.",
    architecture="resnet50",
    reference="He et al. 2016, Deep Residual Learning for Image Recognition, arXiv:1512.03385",
    data="cifar10",
    preprocessing=Pixels(mean=(0.4914, 0.4822, 0.4465), std=(0.2470, 0.2435, 0.2616), size=(48, 48)),
    epochs=2,
    learning_rate=0.1,
    weight_decay=5e-4,
    shift=4,
    average=0.98,
    half=True,
    on_request=True,
    threads=1,
)

if __name__ == "__main__":
    sys.exit(main(PLAN, Path(__file__).parent))
