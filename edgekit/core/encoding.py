"""How a step tells the packer what to store for a weight: small integers and how to turn them back into weights.

An `Encoding` holds evenly spaced values, a `Codebook` any values.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Encoding:
    """w[i] = scale[i] · (codes[i] − zero_point[i]) along `axis`, with codes of `bits` bits.

    Attributes:
        codes: integers in the shape of the weight, in [−2^(bits−1), 2^(bits−1) − 1].
        scale: (channels,) float32, all above zero; (channels, groups) if `group` is set.
        zero_point: integers in the shape of `scale`; all zero for symmetric codes.
        axis: the weight's output-channel axis.
        group: how many neighbours among the inputs of a channel, laid out in a row, share a scale; 0 for all of them.
            It divides their number.
    """

    codes: np.ndarray
    scale: np.ndarray
    zero_point: np.ndarray
    bits: int
    axis: int
    group: int = 0

    def decode(self) -> np.ndarray:
        """The float32 weights that a runtime will compute with, in the shape of `codes`."""
        moved = np.moveaxis(self.codes, self.axis, 0).astype(np.int32)  # (channels, ...)
        rows = moved.reshape(*np.shape(self.scale), -1)  # (channels, rest) or (channels, groups, group)
        centred = rows - self.zero_point.astype(np.int32)[..., None]
        values = (centred * self.scale.astype(np.float32)[..., None]).astype(np.float32).reshape(moved.shape)
        return np.ascontiguousarray(np.moveaxis(values, 0, self.axis))


@dataclass(frozen=True)
class Codebook:
    """w[i] = scale[i] · values[codes[i]] along `axis`, with codes of `bits` bits.

    Attributes:
        codes: integers in the shape of the weight, in [0, 2^bits − 1].
        values: (at most 2^bits,) float32.
        scale: (channels,) float32; (1,) for one that all channels share.
        axis: the weight's output-channel axis.
    """

    codes: np.ndarray
    values: np.ndarray
    scale: np.ndarray
    bits: int
    axis: int

    def decode(self) -> np.ndarray:
        """The float32 weights that a runtime will compute with, in the shape of `codes`."""
        along = [1] * self.codes.ndim
        along[self.axis] = -1
        values = self.values.astype(np.float32)[self.codes]
        return (values * self.scale.astype(np.float32).reshape(along)).astype(np.float32)


Stored = Encoding | Codebook
