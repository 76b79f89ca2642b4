"""Remakes MobileNetV2 for CIFAR-10 from its ImageNet weights: python sample_models/mobilenetv2-cifar10/train.py"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgekit.core.preprocessing import Pixels
from edgekit.models.plan import Plan
from edgekit.models.remake import main

PLAN = Plan(
    id="mobilenetv2-cifar10",
    title="MobileNetV2",
    summary="Inverted residuals, pretrained on ImageNet and fine-tuned on CIFAR-10 at 128 pixels: made for phones.",
    architecture="mobilenet_v2",
    reference="Sandler et al. 2018, MobileNetV2: Inverted Residuals and Linear Bottlenecks, arXiv:1801.04381",
    data="cifar10",
    preprocessing=Pixels(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), size=(128, 128)),
    pretrained="mobilenet-v2",
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
