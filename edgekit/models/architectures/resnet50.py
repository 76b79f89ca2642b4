"""ResNet-50 and ResNet-101: residual blocks of three convolutions, the middle one of which sees space.

Source: He et al. 2016, "Deep Residual Learning for Image Recognition", arXiv:1512.03385, table 1: 25.6 M parameters and
4.1 G multiply-accumulates for 224 × 224 pixels and 1,000 classes; 44.5 M and 7.8 G for 101 layers. The stride of a
block is on its 3 × 3 convolution, as in the implementations that everyone uses (there called version 1.5). At first
every block adds nothing to its shortcut (Goyal et al. 2017, arXiv:1706.02677, section 5.1), which trains faster.
"""

from torch import Tensor, nn

from edgekit.models.architectures.blocks import ConvNorm, ImageClassifier, Shape, rounded, strides

STAGES = [(64, 1), (128, 2), (256, 2), (512, 2)]  # inner channels, stride of the first block
EXPANSION = 4  # a block puts out so many times its inner channels


class Bottleneck(nn.Module):
    """Narrow to `inner` channels, filter them, widen again; beside a shortcut, projected where the shape changes."""

    def __init__(self, inputs: int, inner: int, stride: int):
        super().__init__()
        outputs = EXPANSION * inner
        self.narrow = ConvNorm(inputs, inner)
        self.filter = ConvNorm(inner, inner, 3, stride)
        self.widen = ConvNorm(inner, outputs, activation=None)
        nn.init.zeros_(self.widen.bn.weight)
        same_shape = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same_shape else ConvNorm(inputs, outputs, 1, stride, activation=None)

    def forward(self, x: Tensor) -> Tensor:
        y = self.widen(self.filter(self.narrow(x)))  # (n, 4 · inner, height / stride, width / stride)
        return (y + self.shortcut(x)).relu()


def resnet50(classes: int = 10, shape: Shape = (3, 32, 32), width: float = 1.0) -> ImageClassifier:
    """Sixteen blocks in four stages; `width` is a factor for all channels, `shape` that of one image."""
    return _residual((3, 4, 6, 3), classes, shape, width)


def resnet101(classes: int = 10, shape: Shape = (3, 32, 32), width: float = 1.0) -> ImageClassifier:
    """Thirty-three blocks in four stages; `width` is a factor for all channels, `shape` that of one image."""
    return _residual((3, 4, 23, 3), classes, shape, width)


def _residual(repeats: tuple[int, ...], classes: int, shape: Shape, width: float) -> ImageClassifier:
    first, pooled, *steps = strides([2, 2, *(stride for _, stride in STAGES)], shape)
    channels, blocks = rounded(64 * width), []
    stem = nn.Sequential(ConvNorm(shape[0], channels, 7, first), nn.MaxPool2d(3, pooled, 1))
    for (wanted, _), count, step in zip(STAGES, repeats, steps, strict=True):
        inner = rounded(wanted * width)
        for number in range(count):
            blocks.append(Bottleneck(channels, inner, step if number == 0 else 1))
            channels = EXPANSION * inner
    return ImageClassifier(stem, blocks, nn.Identity(), nn.Linear(channels, classes))
