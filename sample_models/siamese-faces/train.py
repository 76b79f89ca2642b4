"""Remakes the ResNet-50 for faces from nothing: python sample_models/siamese-faces/train.py"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgekit.core.preprocessing import Pixels
from edgekit.models.plan import Plan
from edgekit.models.remake import main

PLAN = Plan(
    id="siamese-faces",
    title="Siamese ResNet-50",
    summary="Sixteen bottleneck blocks that turn a face into 128 numbers; two faces of one person point the same way.",
    architecture="resnet50",
    outputs=128,
    reference="He et al. 2016, arXiv:1512.03385; trained as in Khosla et al. 2020, arXiv:2004.11362",
    data="orl-faces",
    preprocessing=Pixels(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), size=(112, 96)),
    epochs=25,
    batch_size=40,
    optimizer="adamw",
    learning_rate=5e-4,
    weight_decay=1e-2,
    average=0.9,
    shift=8,
    on_request=True,
    threads=2,
)

if __name__ == "__main__":
    sys.exit(main(PLAN, Path(__file__).parent))
