"""From float weights to small integers: one scale per output channel, zero kept exactly zero.

w ≈ scale · code, with codes in [−2^(bits−1), 2^(bits−1) − 1]. The scale is either the one that reaches the largest
weight ("minmax"), or the one with the least squared error ("mse"), which gives up the largest weights for finer steps.
At 2 bits only the second is any use.
"""

from typing import Literal

import numpy as np

from edgekit.core.encoding import Encoding

Clipping = Literal["mse", "minmax"]
SHRINKS = (1.0, 0.85, 0.7, 0.55, 0.4, 0.28)  # starts of the search, as shares of the scale that clips nothing
REFINEMENTS = 3
SMALLEST = np.float32(1e-12)


def encode(
    weight: np.ndarray,
    axis: int,
    bits: int,
    *,
    clipping: Clipping = "minmax",
    per_channel: bool = True,
    least_scale: np.ndarray | float = 0.0,
) -> Encoding:
    """Symmetric codes of a weight.

    Args:
        weight: float32, any shape.
        axis: its output-channel axis.
        per_channel: one scale for each channel; otherwise `scale` and `zero_point` have one element.
        least_scale: scales are not made smaller than this: a number, or one per channel.

    Returns:
        With "minmax" codes stay within ± (2^(bits−1) − 1), so that no weight is clipped; "mse" uses the lowest one too.
    """
    rows = np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1).astype(np.float32)  # (channels, rest)
    if not per_channel:
        rows, least_scale = rows.reshape(1, -1), np.max(least_scale)
    first, last = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    scale = np.abs(rows).max(1, initial=0.0) / np.float32(last)
    if clipping == "mse":
        scale = _least_error(rows, scale, first, last)
    scale = np.maximum(scale, np.maximum(least_scale, SMALLEST)).astype(np.float32)
    codes = np.clip(np.rint(rows / scale[:, None]), first, last).astype(np.int8)
    moved = codes.reshape(np.moveaxis(weight, axis, 0).shape)
    return Encoding(
        codes=np.ascontiguousarray(np.moveaxis(moved, 0, axis)),
        scale=scale,
        zero_point=np.zeros(len(scale), np.int8),
        bits=bits,
        axis=axis,
    )


def _least_error(rows: np.ndarray, widest: np.ndarray, first: int, last: int) -> np.ndarray:
    """The scale (channels,) with the least squared error found from several starts.

    From each start: round to codes, then take the scale that fits those codes best, ⟨w, c⟩ / ⟨c, c⟩, and again. Each
    of the two moves can only lower the error (Lloyd 1982), so a few rounds settle.
    """
    best, best_error = widest, np.full(len(rows), np.inf, np.float32)
    for shrink in SHRINKS if last < 32 else SHRINKS[:2]:
        scale = widest * np.float32(shrink)
        for _ in range(REFINEMENTS):
            safe = np.maximum(scale, SMALLEST)
            codes = np.clip(np.rint(rows / safe[:, None]), first, last)  # (channels, rest)
            error = np.square(rows - codes * safe[:, None]).sum(1)
            better = error < best_error
            best, best_error = np.where(better, safe, best), np.where(better, error, best_error)
            energy = np.square(codes).sum(1)
            scale = np.where(energy > 0, (rows * codes).sum(1) / np.maximum(energy, 1), scale)
    return best
