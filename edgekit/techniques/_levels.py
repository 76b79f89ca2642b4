"""What the weights of a layer may become: a scale for each channel, or each group of its inputs, times a few levels.

Levels are whole numbers, with zero in the middle ("symmetric") or at a zero point of the group's own ("asymmetric"); or
they come from a codebook that the layer's channels share: k-means over the weights divided by their channel's spread,
or sums of powers of two (APoT: Li et al. 2020, "Additive Powers-of-Two Quantization", arXiv:1909.13144), which are
dense where weights are.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from edgekit.core.encoding import Codebook, Encoding, Stored
from edgekit.techniques._clusters import k_means
from edgekit.techniques._codes import SHRINKS, SMALLEST, Clipping, encode

Values = Literal["uniform", "kmeans", "powers"]
REFITS = 3  # of a channel's scale to the levels that its weights took


@dataclass(frozen=True)
class Levels:
    """A weight w, laid out in rows of (channels, inputs), may become scale · level for each level of its group.

    Attributes:
        scale: (channels, groups) float32.
        low, high: whole numbers in the shape of `scale`, the least and the largest level; unused with a codebook.
        book: (levels,) float32 in ascending order; empty where levels are all whole numbers from `low` to `high`.
        bits: of a code.
        inputs: weights in a row.
    """

    scale: np.ndarray
    low: np.ndarray
    high: np.ndarray
    book: np.ndarray
    bits: int
    inputs: int

    def part(self, start: int, end: int) -> "Levels":
        """The levels of some of the channels."""
        cut = {name: getattr(self, name)[start:end] for name in ("scale", "low", "high")}
        return replace(self, **cut)

    def spread(self, channels: int, inputs: int) -> "Levels":
        """The levels of all weights in one row, for as many channels."""
        cut = {name: np.repeat(getattr(self, name), channels, axis=0) for name in ("scale", "low", "high")}
        return replace(self, inputs=inputs, **cut)

    def at(self, held: np.ndarray, columns: slice | np.ndarray = slice(None)) -> np.ndarray:
        """`held` (channels, groups), one value for each weight in these columns: (channels, columns)."""
        return np.repeat(held, self.inputs // held.shape[1], axis=1)[:, columns]

    def nearest(self, rows: np.ndarray, columns: slice | np.ndarray = slice(None)) -> np.ndarray:
        """The level (channels, columns), before scaling, that is nearest to each weight of these columns."""
        plain = rows / self.at(self.scale, columns)
        if len(self.book):
            return self.book[np.searchsorted((self.book[1:] + self.book[:-1]) / 2, plain)]
        return np.clip(np.rint(plain), self.at(self.low, columns), self.at(self.high, columns))

    def stored(self, chosen: np.ndarray, shape: tuple[int, ...], axis: int) -> Stored:
        """The codes of levels `chosen` (channels, inputs), for a weight of this shape."""
        groups, first = self.scale.shape[1], -(2 ** (self.bits - 1))
        if len(self.book):
            codes = in_shape(np.searchsorted(self.book, chosen).astype(np.uint8), shape, axis)
            return Codebook(codes, self.book, self.scale[:, 0], self.bits, axis)
        zero = first - self.low
        codes = in_shape((chosen + self.at(zero)).astype(np.int8), shape, axis)
        if groups == 1:
            return Encoding(codes, self.scale[:, 0], zero[:, 0].astype(np.int8), self.bits, axis)
        return Encoding(codes, self.scale, zero.astype(np.int8), self.bits, axis, self.inputs // groups)


def choose(
    rows: np.ndarray,
    bits: int,
    clipping: Clipping,
    *,
    group: int = 0,
    symmetric: bool = True,
    values: Values = "uniform",
) -> Levels:
    """Levels for weights `rows` (channels, inputs), float32.

    Args:
        group: neighbours in a row that share a scale; it divides the inputs. 0 for all of them.
        clipping: "mse" for the scale with the least squared error, "minmax" for the one that reaches every weight.
    """
    if values != "uniform":
        return _from_book(rows, bits, clipping, values)
    channels, inputs = rows.shape
    groups = inputs // group if group else 1
    parts = rows.reshape(channels * groups, -1)
    first, last = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    if symmetric:
        scale, zero = encode(parts, 0, bits, clipping=clipping).scale, np.zeros(len(parts))
    else:
        scale, zero = _asymmetric(parts, bits, clipping)
    held = (channels, groups)
    low, high = ((end - zero).astype(np.float32).reshape(held) for end in (first, last))
    return Levels(scale.reshape(held), low, high, np.empty(0, np.float32), bits, inputs)


def powers(bits: int) -> np.ndarray:
    """Sums of powers of two, (levels,) ascending, the largest 1: for m = bits − 1, ⌈m / 2⌉ terms are added.

    With n terms, term i is 0 or one of 2⁻ⁱ, 2⁻⁽ⁱ⁺ⁿ⁾, 2⁻⁽ⁱ⁺²ⁿ⁾; where m is odd, the last term has only the first.
    """
    magnitude = bits - 1
    terms, sums = -(-magnitude // 2), np.zeros(1)
    for term in range(terms):
        choices = 1 if magnitude % 2 and term == terms - 1 else 3
        own = np.array([0.0, *(2.0 ** -(term + terms * k) for k in range(choices))])
        sums = (sums[:, None] + own).reshape(-1)
    sums = np.unique(sums / sums.max())
    return np.concatenate([-sums[:0:-1], sums]).astype(np.float32)


def _asymmetric(parts: np.ndarray, bits: int, clipping: Clipping) -> tuple[np.ndarray, np.ndarray]:
    """Scale and zero point, (parts,) each, whose levels reach from the least to the largest weight and hold zero."""
    first, steps = -(2 ** (bits - 1)), 2**bits - 1
    lowest, highest = np.minimum(parts.min(1), 0), np.maximum(parts.max(1), 0)
    best, zero, least = np.ones(len(parts)), np.zeros(len(parts)), np.full(len(parts), np.inf)
    for share in SHRINKS if clipping == "mse" else (1.0,):
        scale = np.maximum((highest - lowest) * share / steps, SMALLEST)
        offset = np.clip(np.rint(first - lowest * share / scale), first, first + steps)
        level = np.clip(np.rint(parts / scale[:, None]), (first - offset)[:, None], (first + steps - offset)[:, None])
        error = np.square(level * scale[:, None] - parts).sum(1)
        better = error < least
        best, zero = np.where(better, scale, best), np.where(better, offset, zero)
        least = np.minimum(least, error)
    return best.astype(np.float32), zero


def _from_book(rows: np.ndarray, bits: int, clipping: Clipping, values: Values) -> Levels:
    """A codebook for all channels, and for each the scale that fits it best."""
    reach = np.maximum(np.abs(rows).max(1), SMALLEST)
    if values == "powers":
        book, tried = powers(bits), [reach * share for share in (SHRINKS if clipping == "mse" else (1.0,))]
    else:
        spread = np.maximum(np.sqrt(np.square(rows).mean(1)), SMALLEST)
        book, tried = _means(rows / spread[:, None], bits), [spread]
    none = np.zeros((len(rows), 1), np.float32)
    best, least = tried[0], np.full(len(rows), np.inf)
    for turn in range(len(tried) + (REFITS if clipping == "mse" else 0)):
        scale = tried[turn] if turn < len(tried) else _fitting(rows, best, book)
        found = Levels(scale.astype(np.float32)[:, None], none, none, book, bits, rows.shape[1])
        error = np.square(found.nearest(rows) * found.scale - rows).sum(1)
        best, least = np.where(error < least, scale, best), np.minimum(error, least)
    return Levels(best.astype(np.float32)[:, None], none, none, book, bits, rows.shape[1])


def _fitting(rows: np.ndarray, scale: np.ndarray, book: np.ndarray) -> np.ndarray:
    """The scale (channels,) with the least error for the levels that `scale` gives."""
    level = book[np.searchsorted((book[1:] + book[:-1]) / 2, rows / scale[:, None])]
    return np.maximum((rows * level).sum(1) / np.maximum(np.square(level).sum(1), SMALLEST), SMALLEST)


def _means(plain: np.ndarray, bits: int) -> np.ndarray:
    """The values that k-means finds, ascending; one of them is 0 where weights were pruned."""
    there = plain[plain != 0]
    zeros = np.zeros(int(len(there) < plain.size))
    return np.union1d(zeros, k_means(there, 2**bits - len(zeros), "linear", 0)).astype(np.float32)


def in_shape(rows: np.ndarray, shape: tuple[int, ...], axis: int) -> np.ndarray:
    """Rows (channels, inputs) back in the shape of a weight."""
    moved = (shape[axis], *shape[:axis], *shape[axis + 1 :])
    return np.ascontiguousarray(np.moveaxis(rows.reshape(moved), 0, axis))
