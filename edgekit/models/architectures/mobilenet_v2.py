"""MobileNetV2: inverted residuals with linear bottlenecks.

Source: Sandler et al. 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks", arXiv:1801.04381, table 2: 3.4 M
parameters (3.50 M with normalisation) and 300 M multiply-accumulates for 224 × 224 pixels and 1,000 classes.
"""

from edgekit.models.architectures.blocks import ImageClassifier, Shape, inverted_classifier

ROWS = [  # kernel, expansion, channels, repeats, stride
    (3, 1, 16, 1, 1),
    (3, 6, 24, 2, 2),
    (3, 6, 32, 3, 2),
    (3, 6, 64, 4, 2),
    (3, 6, 96, 3, 1),
    (3, 6, 160, 3, 2),
    (3, 6, 320, 1, 1),
]


def mobilenet_v2(classes: int = 10, shape: Shape = (3, 32, 32), width: float = 1.0) -> ImageClassifier:
    """Seventeen inverted residuals; `width` is a factor for all channels, `shape` that of one image."""
    return inverted_classifier(ROWS, 1280, classes, shape, width)
