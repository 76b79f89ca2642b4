"""MobileNetV3-Small: inverted residuals that a search chose, with squeeze and excitation and hard swish.

Source: Howard et al. 2019, "Searching for MobileNetV3", arXiv:1905.02244, table 2: 2.5 M parameters and 56 M
multiply-accumulates for 224 × 224 pixels and 1,000 classes.
"""

from torch import nn

from edgekit.models.architectures.blocks import ConvNorm, ImageClassifier, Inverted, Shape, rounded, strides

RELU, SWISH = nn.ReLU, nn.Hardswish
ROWS = [  # kernel, hidden channels, channels, squeeze and excitation, activation, stride
    (3, 16, 16, True, RELU, 2),
    (3, 72, 24, False, RELU, 2),
    (3, 88, 24, False, RELU, 1),
    (5, 96, 40, True, SWISH, 2),
    (5, 240, 40, True, SWISH, 1),
    (5, 240, 40, True, SWISH, 1),
    (5, 120, 48, True, SWISH, 1),
    (5, 144, 48, True, SWISH, 1),
    (5, 288, 96, True, SWISH, 2),
    (5, 576, 96, True, SWISH, 1),
    (5, 576, 96, True, SWISH, 1),
]


def mobilenet_v3_small(classes: int = 10, shape: Shape = (3, 32, 32), width: float = 1.0) -> ImageClassifier:
    """Eleven inverted residuals; `width` is a factor for all channels, `shape` that of one image."""
    first, *steps = strides([2, *(row[-1] for row in ROWS)], shape)
    channels, blocks = rounded(16 * width), []
    stem = ConvNorm(shape[0], channels, 3, first, activation=SWISH)
    for (kernel, hidden, wanted, excite, activation, _), step in zip(ROWS, steps, strict=True):
        wide, outputs = rounded(hidden * width), rounded(wanted * width)
        blocks.append(Inverted(channels, wide, outputs, kernel, step, activation=activation, excite=excite))
        channels = outputs
    last, between = rounded(576 * width), rounded(1024 * width)
    classifier = nn.Sequential(nn.Linear(last, between), SWISH(), nn.Linear(between, classes))
    return ImageClassifier(stem, blocks, ConvNorm(channels, last, activation=SWISH), classifier)
