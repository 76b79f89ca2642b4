"""From float weights to small integers: one scale per output channel, zero kept exactly zero.

w ≈ scale · code, with codes in [−2^(bits−1), 2^(bits−1) − 1]. The scale is either the one that reaches the largest
weight ("minmax"), or the one with the least squared error ("mse"), which gives up the largest weights for finer steps.
At 2 bits only the second is any use.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np

from edgekit.core.encoding import Encoding

Clipping = Literal["mse", "minmax"]
Rounding = Callable[[np.ndarray, np.ndarray, int, int], np.ndarray]
SHRINKS = tuple(np.linspace(1.2, 0.2, 21, dtype=np.float32))  # tried, as shares of the scale that clips nothing
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
    rounding: Rounding | None = None,
) -> Encoding:
    """Symmetric codes of a weight.

    Args:
        weight: float32, any shape.
        axis: its output-channel axis.
        per_channel: one scale for each channel; otherwise `scale` and `zero_point` have one element.
        least_scale: scales are not made smaller than this: a number, or one per channel.
        rounding: (weights (channels, rest), scales, lowest code, highest code) -> codes; to the nearest one if None.

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
    kind = np.int8 if bits <= 8 else np.int16
    codes = (rounding or nearest)(rows, scale, first, last).astype(kind)
    moved = codes.reshape(np.moveaxis(weight, axis, 0).shape)
    return Encoding(
        codes=np.ascontiguousarray(np.moveaxis(moved, 0, axis)),
        scale=scale,
        zero_point=np.zeros(len(scale), kind),
        bits=bits,
        axis=axis,
    )


def _least_error(rows: np.ndarray, widest: np.ndarray, first: int, last: int) -> np.ndarray:
    """The scale (channels,) with the least squared error that a search finds.

    After trying shares of the widest scale: round to codes with the best so far, then take the scale that fits those
    codes best, ⟨w, c⟩ / ⟨c, c⟩, and again. Both moves can only lower the error (Lloyd 1982), so a few settle it.
    """
    best, least = widest, np.full(len(rows), np.inf, np.float32)
    for turn in range(len(SHRINKS) + REFINEMENTS):
        scale = np.maximum(
            widest * SHRINKS[turn] if turn < len(SHRINKS) else _fitting(rows, best, first, last), SMALLEST
        )
        error = np.square(nearest(rows, scale, first, last) * scale[:, None] - rows).sum(1)
        best, least = np.where(error < least, scale, best), np.minimum(error, least)
    return best


def _fitting(rows: np.ndarray, scale: np.ndarray, first: int, last: int) -> np.ndarray:
    """The scale (channels,) with the least error for the codes that `scale` gives; 0 where all of them are zero."""
    codes = nearest(rows, scale, first, last)
    return (rows * codes).sum(1) / np.maximum(np.square(codes).sum(1), 1)


def nearest(rows: np.ndarray, scale: np.ndarray, first: int, last: int) -> np.ndarray:
    """The codes (channels, rest) that are nearest to weights `rows` at scales (channels,), as whole floats."""
    return np.clip(np.rint(rows / scale[:, None]), first, last)
