"""Remakes the MobileNetV2 for faces from its ImageNet weights: python sample_models/siamese-faces-mobile/train.py"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgekit.core.preprocessing import Pixels
from edgekit.models.plan import Plan
from edgekit.models.remake import main

PLAN = Plan(
    id="siamese-faces-mobile",
    title="Siamese MobileNetV2",
    summary="Are two faces of one person? A network of a phone's size turns a face into 128 numbers to compare.",
    architecture="mobilenet_v2",
    outputs=128,
    reference="Sandler et al. 2018, arXiv:1801.04381; trained as in Khosla et al. 2020, arXiv:2004.11362",
    data="orl-faces",
    preprocessing=Pixels(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), size=(112, 96)),
    epochs=12,
    batch_size=40,
    optimizer="adamw",
    learning_rate=2e-4,
    weight_decay=1e-2,
    average=0.9,
    shift=8,
    pretrained="mobilenet-v2",
    still_norms=True,
    half=True,
    threads=2,
)

if __name__ == "__main__":
    sys.exit(main(PLAN, Path(__file__).parent))
