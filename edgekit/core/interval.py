"""A value with its 95 % interval, and the interval of a share that every accuracy has."""

import math

from pydantic import BaseModel

Z = 1.959963984540054  # the normal distribution holds 95 % within ± Z


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
