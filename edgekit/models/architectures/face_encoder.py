"""Encoders of faces: the body of a classifier, and a fully connected layer over the whole of its last map.

Faces are aligned: every place of the map shows the same part of every face. Classifiers take the mean over places,
which forgets that, so here each place has weights of its own, as in Deng et al. 2019, "ArcFace", arXiv:1801.07698,
section 3.1 (the last layers that it calls option E). Outputs are embeddings, (n, outputs), to be compared by cosine.
"""

import torch
from torch import Tensor, nn

from edgekit.models.architectures.blocks import ConvNorm, ImageClassifier, Shape
from edgekit.models.architectures.mobilenet_v2 import mobilenet_v2
from edgekit.models.architectures.mobilenet_v3_small import mobilenet_v3_small
from edgekit.models.architectures.resnet50 import resnet50, resnet101

MID_LEVEL = 14  # blocks of MobileNetV2 that are kept: what comes after tells ImageNet's classes apart, and not people
NARROW = 160  # channels that the map is narrowed to where it is wider: as many as those 14 blocks put out


class FaceEncoder(nn.Module):
    """Stem, blocks, head, all places and channels, one layer: (n, channels, height, width) in, (n, outputs) out."""

    def __init__(self, body: ImageClassifier, outputs: int, shape: Shape):
        super().__init__()
        self.stem = body.stem
        self.blocks = body.blocks
        channels, *places = _map(self.blocks, self.stem, shape)
        self.head = nn.Identity() if channels <= NARROW else ConvNorm(channels, NARROW, activation=None)
        self.fc = nn.Linear(min(channels, NARROW) * places[0] * places[1], outputs)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(torch.flatten(self.head(self.blocks(self.stem(images))), 1))


def face_mobilenet_v2(outputs: int = 128, shape: Shape = (3, 112, 96), width: float = 1.0) -> FaceEncoder:
    """The first MID_LEVEL blocks of MobileNetV2; `width` is a factor for all channels, `shape` that of one image."""
    body = mobilenet_v2(outputs, shape, width)
    body.blocks = body.blocks[:MID_LEVEL]
    return FaceEncoder(body, outputs, shape)


def face_mobilenet_v3_small(outputs: int = 128, shape: Shape = (3, 112, 96), width: float = 1.0) -> FaceEncoder:
    """All blocks of MobileNetV3-Small."""
    return FaceEncoder(mobilenet_v3_small(outputs, shape, width), outputs, shape)


def face_resnet50(outputs: int = 128, shape: Shape = (3, 112, 96), width: float = 1.0) -> FaceEncoder:
    """All blocks of ResNet-50: 23.5 M parameters, and half a million after them."""
    return FaceEncoder(resnet50(outputs, shape, width), outputs, shape)


def face_resnet101(outputs: int = 128, shape: Shape = (3, 112, 96), width: float = 1.0) -> FaceEncoder:
    """All blocks of ResNet-101."""
    return FaceEncoder(resnet101(outputs, shape, width), outputs, shape)


@torch.no_grad()
def _map(blocks: nn.Module, stem: nn.Module, shape: Shape) -> tuple[int, int, int]:
    """Channels, height and width of what the blocks put out for one image."""
    body = nn.Sequential(stem, blocks)
    was_training = body.training
    found = body.eval()(torch.zeros(1, *shape)).shape[1:]
    body.train(was_training)
    return tuple(found)
