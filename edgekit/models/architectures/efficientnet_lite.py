"""EfficientNet-Lite0: EfficientNet-B0 without what integer hardware dislikes (squeeze and excitation, swish).

Sources: Tan and Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", arXiv:1905.11946,
table 1; Liu 2020, "Higher accuracy on vision models with EfficientNet-Lite", TensorFlow blog: 4.7 M parameters for
224 × 224 pixels and 1,000 classes. It counts 407 M multiply-accumulates; in convolutions and classifier it is 385 M.
"""

from edgekit.models.architectures.blocks import ImageClassifier, Shape, inverted_classifier

ROWS = [  # kernel, expansion, channels, repeats, stride
    (3, 1, 16, 1, 1),
    (3, 6, 24, 2, 2),
    (5, 6, 40, 2, 2),
    (3, 6, 80, 3, 2),
    (5, 6, 112, 3, 1),
    (5, 6, 192, 4, 2),
    (3, 6, 320, 1, 1),
]


def efficientnet_lite0(classes: int = 10, shape: Shape = (3, 32, 32), width: float = 1.0) -> ImageClassifier:
    """Sixteen inverted residuals; `width` is a factor for all channels, `shape` that of one image."""
    return inverted_classifier(ROWS, 1280, classes, shape, width)
