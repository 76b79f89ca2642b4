"""From what an activation was seen to hold to the range that codes should cover, and from a range to the codes.

Cutting off rare large values makes every other value finer. The methods differ in how they weigh the two errors:
"minmax" cuts nothing; "percentile" cuts a fixed share; "mse" makes the mean squared error least; "entropy" makes the
Kullback–Leibler divergence between the values before and after least (Migacz 2017, "8-bit inference with TensorRT").
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Method = Literal["minmax", "entropy", "percentile", "mse"]
Codes = type[np.uint8] | type[np.int8] | type[np.uint16]
BINS = 2048
RARE = 1e-4  # the share that ranges "percentile" cuts off by default


@dataclass(frozen=True)
class Seen:
    """What calibration saw of one tensor.

    Attributes:
        low, high: the exact extremes.
        values: an even sample of its values, float32, flat.
        halfway: the extremes, (low, high), that the first half of the samples had; None if all came at once.
    """

    low: float
    high: float
    values: np.ndarray
    halfway: tuple[float, float] | None = None

    def numbers(self) -> dict[str, float]:
        """How far its range can be trusted, for a Change: two shares of it, in [0, 1].

        rare: needed by the rarest 0.01 % of the values at either end alone, so lost to all others.
        late: that only the second half of the samples showed: with more of them it would have grown further.
        """
        whole = _reach(self.low, self.high)
        if not whole:
            return {"rare": 0.0, "late": 0.0}
        bottom, top = np.quantile(self.values, [RARE, 1 - RARE])
        seen_early = _reach(*self.halfway) if self.halfway else 0.0
        return {"rare": 1 - _reach(float(bottom), float(top)) / whole, "late": 1 - seen_early / whole}


@dataclass(frozen=True)
class Grid:
    """The codes of one activation tensor: x ≈ scale · (code − zero_point)."""

    scale: np.float32
    zero_point: int
    dtype: Codes

    @property
    def low(self) -> float:
        """The smallest value that has a code."""
        return float(self.scale) * (int(np.iinfo(self.dtype).min) - self.zero_point)

    @property
    def high(self) -> float:
        """The largest value that has a code."""
        return float(self.scale) * (int(np.iinfo(self.dtype).max) - self.zero_point)


def find_range(
    seen: Seen, method: Method, percentile: float = 99.99, symmetric: bool = False, codes: int = 256
) -> tuple[float, float]:
    """(low, high) of the values that should have codes; always holds zero.

    Args:
        percentile: for "percentile", the share of values in per cent that is not above `high`; the same share is not
            below `low`.
        symmetric: whether the codes will reach as far down as up, which changes what "mse" finds.
        codes: how many there are; "entropy" always reckons with 256.
    """
    low, high = min(seen.low, 0.0), max(seen.high, 0.0)
    if method == "minmax" or low == high:
        return low, high
    if method == "percentile":
        bottom, top = np.quantile(seen.values, [1 - percentile / 100, percentile / 100])
        return min(float(bottom), 0.0), max(float(top), 0.0)
    if method == "entropy":
        reach = _least_divergence(np.abs(seen.values))
        return max(low, -reach), min(high, reach)
    return _least_error(seen.values, low, high, symmetric, codes)


def make_grid(low: float, high: float, dtype: Codes, symmetric: bool = False) -> Grid:
    """Codes of `dtype` that cover [low, high].

    Asymmetric, with 8 bits: scale = (high − low) / 255, and the zero point is the code of 0. Symmetric: the zero point
    is the middle code and scale = max(|low|, |high|) / 127; where nothing is below zero, all codes still go to what is
    above. 16 bits have 65,535 and 32,767 in place of these.
    """
    first, last = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    if symmetric and low < 0:
        reach = max(-low, high)
        half = (last - first) // 2
        return Grid(_positive(reach / half), first + half + 1, dtype)
    scale = _positive((high - low) / (last - first))
    return Grid(scale, int(np.clip(round(first - low / float(scale)), first, last)), dtype)


def _reach(low: float, high: float) -> float:
    """How long the range of values from low to high is, with zero in it."""
    return max(high, 0.0) - min(low, 0.0)


def _positive(scale: float) -> np.float32:
    return np.float32(scale) if scale > 1e-30 else np.float32(1)


def _least_error(values: np.ndarray, low: float, high: float, symmetric: bool, codes: int) -> tuple[float, float]:
    """Shrink the range, one end after the other, to where the mean squared error of so many codes is least."""
    counts, edges = np.histogram(values, BINS, (low, high))
    middles, shrunk = (edges[:-1] + edges[1:]) / 2, np.linspace(1, 0.1, 73)
    if symmetric and low < 0:
        reach = max(-low, high) * shrunk
        best = reach[_errors(counts, middles, -reach, reach, codes - 2).argmin()]
        return max(low, -best), min(high, best)
    for _ in range(2 if low < 0 < high else 1):
        if high > 0:
            ends = (middles.max() if high else 0) * shrunk
            high = float(ends[_errors(counts, middles, np.full_like(ends, low), ends, codes - 1).argmin()])
        if low < 0:
            starts = middles.min() * shrunk
            low = float(starts[_errors(counts, middles, starts, np.full_like(starts, high), codes - 1).argmin()])
    return low, high


def _errors(counts: np.ndarray, middles: np.ndarray, lows: np.ndarray, highs: np.ndarray, steps: int) -> np.ndarray:
    """Squared error summed over a histogram (bins,), for each of several ranges (ranges,): clipping and rounding."""
    step = np.maximum(highs - lows, 1e-30)[:, None] / steps  # (ranges, 1)
    inside = (middles > lows[:, None]) & (middles < highs[:, None])  # (ranges, bins)
    beyond = np.maximum(lows[:, None] - middles, middles - highs[:, None])
    return np.where(inside, step**2 / 12, beyond**2) @ counts


def _least_divergence(magnitudes: np.ndarray) -> float:
    """The threshold in |x| at which 128 levels keep most of the information in a histogram of 2,048 bins."""
    counts, edges = np.histogram(magnitudes, BINS, (0, float(magnitudes.max()) or 1.0))
    counts = counts.astype(np.float64)
    counts[0] = counts[1] if counts.size > 1 else counts[0]  # exact zeros, as after a ReLU, cost nothing at any scale
    ends = np.arange(128, BINS + 1, 16)
    divergences = [_divergence(counts, end) for end in ends]
    return float(edges[ends[int(np.argmin(divergences))]])


def _divergence(counts: np.ndarray, end: int, levels: int = 128) -> float:
    inside = counts[:end]
    wanted = inside.copy()
    wanted[-1] += counts[end:].sum()  # what lies beyond is clipped onto the last bin
    group = np.arange(end) * levels // end  # (end,): which level each bin falls into
    filled = np.bincount(group, inside > 0, levels)
    level = np.bincount(group, inside, levels) / np.maximum(filled, 1)
    kept = np.where(inside > 0, level[group], 0)
    if not kept.sum():
        return float("inf")
    p, q = wanted / wanted.sum(), kept / kept.sum()
    there = p > 0
    return float(np.sum(p[there] * np.log(p[there] / np.maximum(q[there], 1e-10))))
