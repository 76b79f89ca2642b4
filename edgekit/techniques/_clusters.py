"""Codebooks for weights: k-means in one dimension, zeros kept exactly zero, and codes that stay while values learn."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

Start = Literal["linear", "density", "random"]
MOST_ROUNDS = 100
MOST_VALUES = 256


@dataclass(frozen=True)
class Clusters:
    """Which weights share a value.

    Attributes:
        codes: int64 in the shape of the weight: the number of its cluster; 0 means zero if `with_zero`.
        count: how many clusters there are, zero among them.
        with_zero: whether cluster 0 is zero, and stays so.
    """

    codes: Tensor
    count: int
    with_zero: bool

    def values(self, weight: Tensor) -> Tensor:
        """The mean of each cluster's weights, float64 (count,)."""
        codes, flat = self.codes.reshape(-1), weight.detach().double().reshape(-1)
        sums = torch.bincount(codes, flat, self.count)
        values = sums / torch.bincount(codes, minlength=self.count)
        if self.with_zero:
            values[0] = 0
        return values

    @torch.no_grad()
    def share(self, weight: Tensor) -> None:
        """Give all weights of a cluster their mean."""
        weight.copy_(self.values(weight)[self.codes])


def cluster(weight: Tensor, bits: int, start: Start, seed: int) -> Clusters:
    """At most 2^bits clusters with little squared error; zeros get one of their own, beside those if that is cheaper.

    Storing which weights are zero takes about their entropy H(z) a weight and saves the codes of a share z of them, so
    zero is one more value than 2^bits if z · bits > H(z), and one of them if it is not.
    """
    flat = weight.detach().double().reshape(-1).numpy()
    zeros = float((flat == 0).mean())
    beside = bits == 1 or zeros * bits > _entropy(zeros)
    count = min(2**bits if not zeros or beside else 2**bits - 1, MOST_VALUES - bool(zeros))
    kept = flat[flat != 0] if zeros else flat
    centres = k_means(kept, count, start, seed)
    codes = np.searchsorted(_borders(centres), flat)
    if zeros:
        codes = np.where(flat == 0, 0, codes + 1)
    used, codes = np.unique(codes, return_inverse=True)
    return Clusters(torch.from_numpy(codes).view(weight.shape), len(used), zeros > 0)


def k_means(values: np.ndarray, count: int, start: Start, seed: int) -> np.ndarray:
    """Lloyd's algorithm in one dimension.

    Args:
        values: (n,), in any order.
        count: centres wanted.
        start: first centres: as far apart from the least to the largest value; as many values between each two; or
            random values.

    Returns:
        float64 (at most `count`,) in ascending order. Centres that no value is nearest to stay where they were.
    """
    values = np.sort(values)
    if not len(values):
        return np.zeros(0)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    centres = np.unique(_first_centres(values, count, start, seed))
    for _ in range(MOST_ROUNDS):
        ends = np.searchsorted(values, _borders(centres))
        ends = np.concatenate([[0], ends, [len(values)]])
        sizes = np.diff(ends)
        means = np.diff(sums[ends]) / np.maximum(sizes, 1)
        moved = np.where(sizes > 0, means, centres)
        if np.array_equal(moved, centres):
            break
        centres = np.sort(moved)
    return centres


def _first_centres(values: np.ndarray, count: int, start: Start, seed: int) -> np.ndarray:
    if start == "linear":
        return np.linspace(values[0], values[-1], count)
    if start == "density":
        return np.quantile(values, (np.arange(count) + 0.5) / count)
    return np.random.default_rng(seed).choice(values, min(count, len(values)), replace=False)


def _borders(centres: np.ndarray) -> np.ndarray:
    return (centres[1:] + centres[:-1]) / 2


def _entropy(share: float) -> float:
    """Bits that a yes or no takes, of which so many are yes."""
    return -sum(p * np.log2(p) for p in (share, 1 - share) if p)
