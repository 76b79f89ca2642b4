"""Remakes EfficientNet-Lite0 for CIFAR-10 from its ImageNet weights:

python sample_models/efficientnet-lite0-cifar10/train.py
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgekit.core.preprocessing import Pixels
from edgekit.models.plan import Plan
from edgekit.models.remake import main

PLAN = Plan(
    id="efficientnet-lite0-cifar10",
    title="EfficientNet-Lite0",
    summary="EfficientNet without what integers bear badly, pretrained on ImageNet and fine-tuned on CIFAR-10 at 128 "
    "pixels.",
    architecture="efficientnet_lite0",
    reference="Liu 2020, Higher accuracy on vision models with EfficientNet-Lite, TensorFlow Blog; after Tan and Le "
    "2019, arXiv:1905.11946",
    data="cifar10",
    preprocessing=Pixels(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), size=(128, 128)),
    pretrained="efficientnet-lite0",
    epochs=2,
    learning_rate=0.02,
    weight_decay=1e-4,
    shift=12,
    batch_size=64,
    average=0.99,
    half=True,
    threads=1,
)

if __name__ == "__main__":
    sys.exit(main(PLAN, Path(__file__).parent))
