"""How a step tells the packer what to store for a layer: small integers and how to turn them back into weights."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Encoding:
    """w[i] = scale[i] · (codes[i] − zero_point[i]) along `axis`, with codes of `bits` bits.

    Attributes:
        codes: integers in the shape of the weight, in [−2^(bits−1), 2^(bits−1) − 1].
        scale: (channels,) float32, all above zero.
        zero_point: (channels,) integers; all zero for symmetric codes.
        axis: the weight's output-channel axis.
    """

    codes: np.ndarray
    scale: np.ndarray
    zero_point: np.ndarray
    bits: int
    axis: int

    def decode(self) -> np.ndarray:
        """The float32 weights that a runtime will compute with, in the shape of `codes`."""
        shape = [1] * self.codes.ndim
        shape[self.axis] = -1
        centred = self.codes.astype(np.int32) - self.zero_point.astype(np.int32).reshape(shape)
        return (centred * self.scale.astype(np.float32).reshape(shape)).astype(np.float32)
