"""Intervals and tests, short and exact where that is possible; every interval is a 95 % one.

Sources: McNemar 1947 (Psychometrika 12:153), exact form; Tango 1998 (Statistics in Medicine
17:891) for the difference of paired proportions; Efron and Tibshirani 1993, "An introduction to the bootstrap".
"""

import math
from collections.abc import Callable

import numpy as np

from edgekit.core.interval import Interval, Z, bootstrap_mean, resampled_means, zero_or_one


def mcnemar(before: np.ndarray, after: np.ndarray) -> float:
    """The two-sided exact p of McNemar's test: how likely such unequal numbers of gains and losses are by chance.

    Args:
        before, after: a score of 0 or 1 for each sample, in the same order.
    """
    _, gained, lost = _pairs(before, after)
    n, fewer = gained + lost, min(gained, lost)
    ways, total = 1, 0  # C(n, k), and the sum of them for k = 0 … fewer: whole numbers, so nothing is rounded
    for k in range(fewer + 1):
        total += ways
        ways = ways * (n - k) // (k + 1)
    return min(1.0, 2 * total / 2**n)


def paired_difference(before: np.ndarray, after: np.ndarray) -> Interval:
    """mean(after) − mean(before) of the same samples.

    For scores of 0 and 1 with Tango's score interval, which agrees with McNemar's test and does not shrink to nothing
    where no answer changed; for other scores by a paired bootstrap.

    Args:
        before, after: (n,) scores in the same order.
    """
    if not (zero_or_one(before) and zero_or_one(after)):
        return bootstrap_mean(np.asarray(after, np.float64) - np.asarray(before, np.float64))
    n, gained, lost = _pairs(before, after)
    difference = (gained - lost) / n
    return Interval(
        value=difference,
        low=_crossing(lambda d: _tango(n, gained, lost, d) - Z, -1.0, difference),
        high=_crossing(lambda d: _tango(n, gained, lost, d) + Z, difference, 1.0),
    )


def paired_p(before: np.ndarray, after: np.ndarray) -> float:
    """McNemar's p for scores of 0 and 1; else the two-sided p of a paired bootstrap."""
    if zero_or_one(before) and zero_or_one(after):
        return mcnemar(before, after)
    means = resampled_means(np.asarray(after, np.float64) - np.asarray(before, np.float64), 0)
    return float(min(1.0, 2 * min((means <= 0).mean(), (means >= 0).mean()) + 1 / len(means)))


def median(values: np.ndarray) -> Interval:
    """The median of (n,) values with the two of them that enclose it 95 times of 100 (the sign test's interval)."""
    ordered = np.sort(values)
    n, half = len(ordered), Z * math.sqrt(len(ordered)) / 2
    low, high = max(0, math.floor(n / 2 - half)), min(n - 1, math.ceil(n / 2 + half))
    return Interval(value=float(np.median(ordered)), low=float(ordered[low]), high=float(ordered[high]))


def _pairs(before: np.ndarray, after: np.ndarray) -> tuple[int, int, int]:
    """How many samples there are, how many went from wrong to right, and how many from right to wrong."""
    before, after = np.asarray(before) > 0.5, np.asarray(after) > 0.5
    return len(before), int((after & ~before).sum()), int((before & ~after).sum())


def _tango(n: int, gained: int, lost: int, difference: float) -> float:
    """How many standard errors the observed difference lies above a true `difference`."""
    b = (2 * n - gained + lost) * difference - gained - lost
    c = -lost * difference * (1 - difference)
    share_lost = max((math.sqrt(max(b * b - 8 * n * c, 0.0)) - b) / (4 * n), 0.0)  # likeliest share, given `difference`
    variance = n * (2 * share_lost + difference * (1 - difference))
    above = gained - lost - n * difference
    return above / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, above) if above else 0.0


def _crossing(score: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function passes zero, by bisection."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if score(middle) > 0 else (low, middle)
    return (low + high) / 2
