"""Residual networks for 32 × 32 images: ResNet-20 of He et al. and the ResNet-8 of the MLPerf Tiny benchmark.

Sources: He et al. 2016, "Deep Residual Learning for Image Recognition", arXiv:1512.03385, section 4.2; Banbury et al.
2021, "MLPerf Tiny Benchmark", arXiv:2106.07597 (one block a stage, and a 1 × 1 convolution where the shape changes).
"""

import torch
from torch import Tensor, nn

from edgekit.models.architectures.blocks import Shape, rounded


class Block(nn.Module):
    """Two convolutions, 3 × 3 unless said, beside a shortcut; `stride` 2 halves height and width."""

    def __init__(self, inputs: int, outputs: int, stride: int, kernel: int = 3):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        same_shape = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same_shape else nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn1(self.conv1(x)).relu()
        return (self.bn2(self.conv2(y)) + self.shortcut(x)).relu()  # (n, outputs, height / stride, width / stride)


class ResNet(nn.Module):
    """A stem of 16 channels, three stages of `blocks` blocks with 16, 32 and 64 channels, mean over space, Linear.

    `width` is a factor for all channels, which are then rounded.
    """

    def __init__(self, blocks: int, classes: int = 10, channels: int = 3, width: float = 1.0):
        super().__init__()
        first, second, third = (rounded(wanted * width) for wanted in (16, 32, 64))
        self.stem = nn.Conv2d(channels, first, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(first)
        self.stage1 = _stage(first, first, 1, blocks)
        self.stage2 = _stage(first, second, 2, blocks)
        self.stage3 = _stage(second, third, 2, blocks)
        self.fc = nn.Linear(third, classes)

    def forward(self, images: Tensor) -> Tensor:
        x = self.bn(self.stem(images)).relu()  # (n, 16, 32, 32)
        x = self.stage3(self.stage2(self.stage1(x)))  # (n, 64, 8, 8)
        x = nn.functional.adaptive_avg_pool2d(x, 1)  # (n, 64, 1, 1)
        return self.fc(torch.flatten(x, 1))  # (n, classes)


def _stage(inputs: int, outputs: int, stride: int, blocks: int) -> nn.Sequential:
    rest = [Block(outputs, outputs, 1) for _ in range(blocks - 1)]
    return nn.Sequential(Block(inputs, outputs, stride), *rest)


def resnet8(classes: int = 10, shape: Shape = (3, 32, 32), width: float = 1.0) -> ResNet:
    """One block a stage: 77 k parameters, 12.5 M multiply-accumulates for a 32 × 32 image.

    `width` is a factor for all channels, `shape` that of one image; larger images cost as much more as they are larger.
    """
    return ResNet(1, classes, shape[0], width)


def resnet20(classes: int = 10) -> ResNet:
    """Three blocks a stage: 272 k parameters, 41 M multiply-accumulates for a 32 × 32 image."""
    return ResNet(3, classes)
