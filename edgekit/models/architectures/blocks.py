"""What small image networks are made of: convolution with normalisation, inverted residuals, squeeze and excitation.

The published networks are for 224 × 224 images, which they halve five times. `strides` says how that becomes fewer for
small images. Dropout is left out of all of them: they are trained for few epochs here.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

LEAST_SIDE = 3  # pixels of the last feature map: 96-pixel images still get all five halvings, as in MLPerf Tiny

Shape = tuple[int, int, int]  # of one image: channels, height, width


def rounded(channels: float) -> int:
    """The nearest multiple of 8, at least 8, and never more than a tenth below `channels` (Sandler et al. 2018)."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8


def strides(published: Sequence[int], shape: Shape) -> list[int]:
    """The published strides, of which the first become 1 so that the last feature map keeps LEAST_SIDE pixels.

    Args:
        published: 1 or 2 for each layer that has a stride, in order.
        shape: of one image; its shorter side decides.
    """
    halvings = sum(stride == 2 for stride in published)
    while halvings and min(shape[1:]) / 2**halvings < LEAST_SIDE:
        halvings -= 1
    left_out, kept = published.count(2) - halvings, []
    for stride in published:
        skipped = stride == 2 and left_out > 0
        left_out -= skipped
        kept.append(1 if skipped else stride)
    return kept


class ConvNorm(nn.Sequential):
    """A convolution, normalisation, and an activation. Height and width are kept, or divided by `stride`.

    `padding` has to be given for kernels that are not square.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | tuple[int, int] = 1,
        stride: int = 1,
        *,
        padding: tuple[int, int] | None = None,
        groups: int = 1,
        activation: type[nn.Module] | None = nn.ReLU,
    ):
        super().__init__()
        padding = kernel // 2 if padding is None else padding
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        if activation is not None:
            self.act = activation()


class Separable(nn.Sequential):
    """A depthwise convolution over space, then a pointwise one over channels (Howard et al. 2017, arXiv:1704.04861)."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__()
        self.depthwise = ConvNorm(inputs, inputs, 3, stride, groups=inputs)
        self.pointwise = ConvNorm(inputs, outputs)


class Excite(nn.Module):
    """Channels are multiplied by numbers in [0, 1] that the means of all decide (Hu et al. 2018, arXiv:1709.01507)."""

    def __init__(self, channels: int):
        super().__init__()
        squeezed = rounded(channels / 4)
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.excite = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        means = nn.functional.adaptive_avg_pool2d(x, 1)  # (n, channels, 1, 1)
        return x * nn.functional.hardsigmoid(self.excite(self.squeeze(means).relu()))


class Inverted(nn.Module):
    """Widen to `hidden` channels, filter each by itself, narrow again; a shortcut where the shape stays the same.

    Sandler et al. 2018, arXiv:1801.04381. There is no widening layer where `hidden` is what comes in.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        outputs: int,
        kernel: int = 3,
        stride: int = 1,
        *,
        activation: type[nn.Module] = nn.ReLU6,
        excite: bool = False,
    ):
        super().__init__()
        self.expand = nn.Identity() if hidden == inputs else ConvNorm(inputs, hidden, activation=activation)
        self.depthwise = ConvNorm(hidden, hidden, kernel, stride, groups=hidden, activation=activation)
        self.excite = Excite(hidden) if excite else nn.Identity()
        self.project = ConvNorm(hidden, outputs, activation=None)
        self.has_shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.excite(self.depthwise(self.expand(x))))  # (n, outputs, height / stride, width / stride)
        return x + y if self.has_shortcut else y


class ImageClassifier(nn.Module):
    """Stem, blocks, head, mean over space, classifier: (n, channels, height, width) in, (n, classes) out."""

    def __init__(self, stem: nn.Module, blocks: Iterable[nn.Module], head: nn.Module, fc: nn.Module):
        super().__init__()
        self.stem = stem
        self.blocks = nn.Sequential(*blocks)
        self.head = head
        self.fc = fc

    def forward(self, images: Tensor) -> Tensor:
        x = self.head(self.blocks(self.stem(images)))
        return self.fc(torch.flatten(nn.functional.adaptive_avg_pool2d(x, 1), 1))


def inverted_classifier(
    rows: Sequence[tuple[int, int, int, int, int]], head: int, classes: int, shape: Shape, width: float
) -> ImageClassifier:
    """A network of inverted residuals, as MobileNetV2 and EfficientNet-Lite are: 32 channels, `rows`, `head` channels.

    Args:
        rows: (kernel, expansion, channels, repeats, stride of the first) of each stage.
        width: a factor for all channels, the head's too: the papers keep that whole below 1, where for ten classes it
            would be most of the network.
    """
    first, *steps = strides([2, *(row[4] for row in rows)], shape)
    channels, blocks = rounded(32 * width), []
    stem = ConvNorm(shape[0], channels, 3, first, activation=nn.ReLU6)
    for (kernel, expansion, wanted, repeats, _), step in zip(rows, steps, strict=True):
        outputs = rounded(wanted * width)
        for number in range(repeats):
            stride = step if number == 0 else 1
            blocks.append(Inverted(channels, channels * expansion, outputs, kernel, stride))
            channels = outputs
    last = rounded(head * width)
    return ImageClassifier(stem, blocks, ConvNorm(channels, last, activation=nn.ReLU6), nn.Linear(last, classes))
