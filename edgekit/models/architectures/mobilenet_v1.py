"""MobileNetV1: depthwise separable convolutions throughout.

Source: Howard et al. 2017, "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
arXiv:1704.04861, table 1: 4.2 M parameters and 569 M multiply-accumulates for 224 × 224 pixels and 1,000 classes.
"""

from torch import nn

from edgekit.models.architectures.blocks import ConvNorm, ImageClassifier, Separable, Shape, rounded, strides

ROWS = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]


def mobilenet_v1(classes: int = 10, shape: Shape = (3, 32, 32), width: float = 1.0) -> ImageClassifier:
    """Thirteen separable blocks; `width` is a factor for all channels, `shape` that of one image."""
    first, *steps = strides([2, *(stride for _, stride in ROWS)], shape)
    channels = [rounded(32 * width), *(rounded(wanted * width) for wanted, _ in ROWS)]
    blocks = [Separable(*sides, step) for *sides, step in zip(channels, channels[1:], steps, strict=False)]
    return ImageClassifier(
        ConvNorm(shape[0], channels[0], 3, first), blocks, nn.Identity(), nn.Linear(channels[-1], classes)
    )
