"""DS-CNN: a few separable convolutions of one width, for keyword spotting on microcontrollers.

Sources: Zhang et al. 2017, "Hello Edge: Keyword Spotting on Microcontrollers", arXiv:1711.07128; sizes of Banbury et
al. 2021, "MLPerf Tiny Benchmark", arXiv:2106.07597: 64 channels, four blocks, 2.66 M multiply-accumulates for
spectrograms of 49 × 10 and 12 words.
"""

from torch import nn

from edgekit.models.architectures.blocks import ConvNorm, ImageClassifier, Separable, Shape, rounded

BLOCKS, CHANNELS = 4, 64


def ds_cnn(classes: int = 12, shape: Shape = (1, 49, 10), width: float = 1.0) -> ImageClassifier:
    """A stem that halves height and width, then four separable blocks; `width` is a factor for all channels.

    Args:
        shape: of one input; spectrograms (at least twice as high as wide) get the paper's 10 × 4 kernel, others 3 × 3.
    """
    channels, (inputs, high, wide) = rounded(CHANNELS * width), shape
    kernel, padding = ((10, 4), (5, 1)) if high >= 2 * wide else ((3, 3), (1, 1))
    stem = ConvNorm(inputs, channels, kernel, 2, padding=padding)
    blocks = [Separable(channels, channels) for _ in range(BLOCKS)]
    return ImageClassifier(stem, blocks, nn.Identity(), nn.Linear(channels, classes))
