"""YOLOv5s, the network that detection is measured by: at 640 × 640 pixels 7.2 M parameters and 16.5 GFLOPs.

Source: Jocher et al. 2020, YOLOv5 by Ultralytics, release 6.0, doi:10.5281/zenodo.3908559, which has no paper. It is
made of cross-stage blocks of three convolutions (Wang et al. 2020, "CSPNet", arXiv:1911.11929), pooling at three sizes
(He et al. 2015, arXiv:1406.4729), features passed up and down again (Liu et al. 2018, "PANet", arXiv:1803.01534), and
SiLU everywhere. The code is our own.
"""

import torch
from torch import Tensor, nn

from edgekit.models.architectures.blocks import ConvNorm, Shape

ANCHORS, CLASSES = 3, 80  # boxes at each place of a map, and what COCO tells apart
WIDTHS = (32, 64, 128, 256, 512)  # of the small one: half of the full ones; a third of its depth gives:
DEPTHS = (1, 2, 3, 1)


def conv(inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> ConvNorm:
    """A convolution, normalisation, SiLU."""
    layer = ConvNorm(inputs, outputs, kernel, stride, activation=nn.SiLU)
    layer.bn.eps = 1e-3
    return layer


class Bottleneck(nn.Module):
    """1 × 1 and 3 × 3 convolutions of as many channels, with a shortcut or without."""

    def __init__(self, channels: int, shortcut: bool):
        super().__init__()
        self.first, self.second, self.shortcut = conv(channels, channels), conv(channels, channels, 3), shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(self.first(x))
        return x + y if self.shortcut else y


class CrossStage(nn.Module):
    """Half of the channels go through bottlenecks, half go past them, and a third convolution mixes both."""

    def __init__(self, inputs: int, outputs: int, depth: int = 1, shortcut: bool = False):
        super().__init__()
        self.through, self.past = conv(inputs, outputs // 2), conv(inputs, outputs // 2)
        self.blocks = nn.Sequential(*(Bottleneck(outputs // 2, shortcut) for _ in range(depth)))
        self.mixed = conv(outputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.mixed(torch.cat([self.blocks(self.through(x)), self.past(x)], 1))


class Pooled(nn.Module):
    """The largest of 5 × 5, 9 × 9 and 13 × 13 values beside each: a pooling of five, three times over."""

    def __init__(self, channels: int):
        super().__init__()
        self.narrow, self.wide = conv(channels, channels // 2), conv(2 * channels, channels)
        self.pool = nn.MaxPool2d(5, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        found = [self.narrow(x)]
        for _ in range(3):
            found.append(self.pool(found[-1]))
        return self.wide(torch.cat(found, 1))


class YoloV5(nn.Module):
    """Images (n, 3, height, width) in, sides multiples of 32; three maps' answers out, (n, 3 · (5 + classes), places).

    A place is one of an eighth, a sixteenth and a 32nd of the image in each direction: 8,400 of 640 × 640 pixels.
    """

    def __init__(
        self,
        classes: int = CLASSES,
        widths: tuple[int, ...] = WIDTHS,
        depths: tuple[int, ...] = DEPTHS,
        colours: int = 3,
    ):
        super().__init__()
        first, second, *rest = widths
        eighth, sixteenth, last = rest
        answers = ANCHORS * (5 + classes)
        self.stem = ConvNorm(colours, first, 6, 2, padding=(2, 2), activation=nn.SiLU)
        self.quarter = nn.Sequential(conv(first, second, 3, 2), CrossStage(second, second, depths[0], True))
        self.eighth = nn.Sequential(conv(second, eighth, 3, 2), CrossStage(eighth, eighth, depths[1], True))
        self.sixteenth = nn.Sequential(conv(eighth, sixteenth, 3, 2), CrossStage(sixteenth, sixteenth, depths[2], True))
        self.last = nn.Sequential(conv(sixteenth, last, 3, 2), CrossStage(last, last, depths[3], True), Pooled(last))
        self.from_last, self.from_sixteenth = conv(last, sixteenth), conv(sixteenth, eighth)
        self.up_sixteenth = CrossStage(2 * sixteenth, sixteenth)
        self.up_eighth = CrossStage(2 * eighth, eighth)
        self.down_eighth, self.down_sixteenth = conv(eighth, eighth, 3, 2), conv(sixteenth, sixteenth, 3, 2)
        self.out_sixteenth = CrossStage(2 * eighth, sixteenth)
        self.out_last = CrossStage(2 * sixteenth, last)
        self.up = nn.Upsample(scale_factor=2)
        self.heads = nn.ModuleList(nn.Conv2d(channels, answers, 1) for channels in (eighth, sixteenth, last))

    def forward(self, images: Tensor) -> Tensor:
        eighth = self.eighth(self.quarter(self.stem(images)))
        sixteenth = self.sixteenth(eighth)
        coarse = self.from_last(self.last(sixteenth))
        middle = self.from_sixteenth(self.up_sixteenth(torch.cat([self.up(coarse), sixteenth], 1)))
        fine = self.up_eighth(torch.cat([self.up(middle), eighth], 1))
        middle = self.out_sixteenth(torch.cat([self.down_eighth(fine), middle], 1))
        coarse = self.out_last(torch.cat([self.down_sixteenth(middle), coarse], 1))
        maps = zip(self.heads, (fine, middle, coarse), strict=True)
        return torch.cat([head(features).flatten(2) for head, features in maps], 2)


def yolov5s(outputs: int = CLASSES, shape: Shape = (3, 640, 640)) -> YoloV5:
    """The small one.

    Args:
        outputs: classes.
        shape: of one image; its channels count.
    """
    return YoloV5(outputs, colours=shape[0])
