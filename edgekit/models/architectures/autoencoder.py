"""A fully connected autoencoder that puts out what it could not rebuild: input − reconstruction.

Four layers of 128 numbers, a bottleneck of 8, four layers of 128, and as many numbers as came in; each layer but the
last is normalised. What was like nothing in training does not fit through the bottleneck, and more of it is left.
Source: Banbury et al. 2021, "MLPerf Tiny", arXiv:2106.07597, whose network for anomalies it is (of 640 numbers there),
after the DCASE 2020 baseline of Koizumi et al. 2020, arXiv:2006.05822.
"""

import math

from torch import Tensor, nn

WIDTH, DEPTH, BOTTLENECK = 128, 4, 8


class Autoencoder(nn.Module):
    """Samples (n, …) in, what is left of them (n, values) out."""

    def __init__(self, values: int, *, width: int = WIDTH, depth: int = DEPTH, bottleneck: int = BOTTLENECK):
        super().__init__()
        inside = [width] * depth
        self.encoder = _layers([values, *inside, bottleneck])
        self.decoder = _layers([bottleneck, *inside])
        self.rebuilt = nn.Linear(width, values)

    def forward(self, samples: Tensor) -> Tensor:
        flat = samples.flatten(1)  # (n, values)
        return flat - self.rebuilt(self.decoder(self.encoder(flat)))


def autoencoder(outputs: int = 96, shape: tuple[int, ...] = (96, 1)) -> Autoencoder:
    """MLPerf Tiny's, for samples of any shape.

    Args:
        outputs: always as many as come in.
        shape: of one sample.
    """
    return Autoencoder(math.prod(shape))


def _layers(sizes: list[int]) -> nn.Sequential:
    return nn.Sequential(
        *(
            nn.Sequential(nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU())
            for inputs, outputs in zip(sizes, sizes[1:], strict=False)
        )
    )
