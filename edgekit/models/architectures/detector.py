"""A one-stage detector without anchors: every eighth pixel says what is there, and how far it reaches to each side.

A residual backbone that halves height and width three times, one more convolution, and a last one that makes a map of
4 + classes channels: where a thing ends to the left, the top, the right and the bottom, and a logit for each class.
`edgekit/tasks/detection.py` turns maps into boxes; this is left out of the network, so that all of it is convolutions.

Sources: Tian et al. 2019, "FCOS: Fully Convolutional One-Stage Object Detection", arXiv:1904.01355 (one level of it,
without centreness); He et al. 2016, arXiv:1512.03385 (the blocks).
"""

import math

import torch
from torch import Tensor, nn

from edgekit.models.architectures.blocks import ConvNorm, Shape, rounded
from edgekit.models.architectures.resnet import Block

RARE = 0.01  # how likely a thing is in any one place, at first: without it the empty ones would drown the rest


class Detector(nn.Module):
    """See the module docstring. (n, channels, height, width) in, (n, outputs, height / 8, width / 8) out."""

    def __init__(self, outputs: int, channels: int, widths: tuple[int, int, int]):
        super().__init__()
        first, second, third = widths
        self.stem = ConvNorm(channels, first, 3, 2)
        self.stage1 = nn.Sequential(Block(first, second, 2), Block(second, second, 1))
        self.stage2 = nn.Sequential(Block(second, third, 2), Block(third, third, 1), Block(third, third, 1))
        self.head = ConvNorm(third, third, 3)
        self.predict = nn.Conv2d(third, outputs, 1)
        with torch.no_grad():
            self.predict.bias[:4] = 0  # a cell to each side
            self.predict.bias[4:] = -math.log((1 - RARE) / RARE)

    def forward(self, images: Tensor) -> Tensor:
        x = self.stage2(self.stage1(self.stem(images)))  # (n, third, height / 8, width / 8)
        return self.predict(self.head(x))  # (n, outputs, height / 8, width / 8)


def detector(outputs: int = 14, shape: Shape = (1, 96, 96), width: float = 1.0) -> Detector:
    """16, 32 and 64 channels at a half, a quarter and an eighth of the resolution.

    Args:
        outputs: 4 more than there are classes.
        shape: of one image, (channels, height, width).
        width: a factor for the number of channels of every layer.
    """
    return Detector(outputs, shape[0], tuple(rounded(wanted * width) for wanted in (16, 32, 64)))
