"""A value with its 95 % interval: of a share by Wilson, of any mean by the bootstrap.

Source of the latter: Efron and Tibshirani 1993, "An introduction to the bootstrap".
"""

import math

import numpy as np
from pydantic import BaseModel

Z = 1.959963984540054  # the normal distribution holds 95 % within ± Z
RESAMPLES = 2000
CHUNK = 2**21  # resampled values in memory at a time


class Interval(BaseModel, frozen=True):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


def wilson(right: float, n: int) -> Interval:
    """The share right / n with Wilson's score interval (1927, JASA 22:209), which is sensible near 0 and 1 too."""
    share = right / n
    centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return Interval(value=share, low=max(0.0, min(centre - half, share)), high=min(1.0, max(centre + half, share)))


def mean(scores: np.ndarray) -> tuple[Interval, str]:
    """The mean of (n,) scores, and what its interval is called: Wilson's where every score is 0 or 1.

    Single scores may be above 1, as those of a jackknife are; no mean can be, so the interval ends there.
    """
    if zero_or_one(scores):
        return wilson(float(scores.sum()), len(scores)), "Wilson interval"
    found = bootstrap_mean(scores)
    return found.model_copy(update={"high": min(found.high, max(1.0, found.value))}), "bootstrap interval"


def bootstrap_mean(values: np.ndarray, seed: int = 0) -> Interval:
    """The mean of (n,) values, with the percentile interval of its bootstrap."""
    values = np.asarray(values, np.float64)
    low, high = np.quantile(resampled_means(values, seed), [0.025, 0.975])
    return Interval(value=float(values.mean()), low=float(low), high=float(high))


def pseudo_values(whole: float, left: np.ndarray) -> np.ndarray:
    """Centred jackknife pseudo-values, (n,), whose mean is `whole`: scores of parts that count only all together.

    Efron and Tibshirani 1993, "An introduction to the bootstrap", chapter 11: the bootstrap of their mean stands for
    one over the parts.

    Args:
        whole: what is measured of all parts.
        left: (n,) the same without each of them.
    """
    return whole + (len(left) - 1) * (left.mean() - left)


def resampled_means(values: np.ndarray, seed: int) -> np.ndarray:
    """(RESAMPLES,) means of as many values, drawn with replacement."""
    generator, n = np.random.default_rng(seed), len(values)
    rows = max(1, CHUNK // n)
    means = [
        values[generator.integers(0, n, (min(rows, RESAMPLES - done), n))].mean(1) for done in range(0, RESAMPLES, rows)
    ]
    return np.concatenate(means)


def zero_or_one(scores: np.ndarray) -> bool:
    """Whether there are no other scores than these."""
    return bool(np.isin(scores, (0, 1)).all())
