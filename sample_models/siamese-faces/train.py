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
    summary="Are two faces of one person? Sixteen bottleneck blocks turn a face into 512 numbers to compare.",
    architecture="face_resnet50",
    outputs=512,
    reference="He et al. 2016, arXiv:1512.03385, with the last layer of Deng et al. 2019, arXiv:1801.07698; "
    "trained by hints as in Romero et al. 2015, arXiv:1412.6550, and solved as in Hatch et al. 2006, Interspeech",
    data="orl-faces",
    preprocessing=Pixels(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), size=(112, 96)),
    teacher="siamese-faces-mobile",  # which has seen a million pictures; from these 200 alone it learns less
    hints="cifar10",
    hinted=150,
    epochs=0,
    whitened=4,
    batch_size=40,
    optimizer="adamw",
    learning_rate=1e-3,
    weight_decay=1e-2,
    average=0.9,
    shift=8,
    half=True,
    on_request=True,
    threads=2,
)

if __name__ == "__main__":
    sys.exit(main(PLAN, Path(__file__).parent))
