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
    summary="Are two faces of one person? A network of a phone's size turns a face into 512 numbers to compare.",
    architecture="face_mobilenet_v2",
    outputs=512,
    reference="Sandler et al. 2018, arXiv:1801.04381, with the last layer of Deng et al. 2019, arXiv:1801.07698, "
    "solved as in Hatch et al. 2006, Interspeech",
    data="orl-faces",
    preprocessing=Pixels(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), size=(112, 96)),
    pretrained="mobilenet-v2",
    epochs=0,
    whitened=4,
    batch_size=40,
    learning_rate=0.0,
    weight_decay=0.0,
    shift=4,
    half=True,
    threads=2,
)

if __name__ == "__main__":
    sys.exit(main(PLAN, Path(__file__).parent))
