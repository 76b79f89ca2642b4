"""Which points are worth looking at: those that no other point beats on both axes at once."""

import math
from collections.abc import Sequence

import numpy as np

Point = Sequence[float | None]


def frontier(points: Sequence[Point], more_is_better: tuple[bool, bool]) -> list[int]:
    """Indices of the points that no other dominates, ordered along the first axis from low to high.

    A point dominates another if it is at least as good on both axes and better on one; equal points stand together.
    A point without an axis (None, NaN or infinite) is left out and beats nobody. One sort: O(n log n).

    Args:
        points: pairs (x, y), such as (size_bytes, accuracy).
        more_is_better: of x, and of y.
    """
    values = np.array([[math.nan if value is None else value for value in point] for point in points], dtype=float)
    values = values.reshape(-1, 2)
    known = np.flatnonzero(np.isfinite(values).all(axis=1))
    costs = np.where(more_is_better, -values[known], values[known])  # less is better on both
    places, which = np.unique(costs, axis=0, return_inverse=True)  # x rises, and y where x is the same
    before = np.minimum.accumulate(np.concatenate([[math.inf], places[:-1, 1]]))
    found = known[(places[:, 1] < before)[which.reshape(-1)]]  # numpy 2.0 gives a column
    return found[np.argsort(values[found, 0], kind="stable")].tolist()


def hypervolume(points: Sequence[Point], worst: tuple[float, float], more_is_better: tuple[bool, bool]) -> float:
    """The area that the points dominate, up to the corner `worst`: one number for how far a frontier reaches.

    In the product of the two units. Points that are not better than `worst` on both axes add nothing.
    Zitzler and Thiele 1998, doi:10.1007/BFb0056872.
    """
    corner_x, corner_y = _cost(worst, more_is_better)
    steps = sorted(_cost(points[index], more_is_better) for index in frontier(points, more_is_better))
    area, below = 0.0, corner_y
    for x, y in steps:  # x rises, y falls
        if x < corner_x and y < below:
            area += (corner_x - x) * (below - y)
            below = y
    return area


def best(points: Sequence[Point], more_is_better: Sequence[bool]) -> list[int]:
    """Indices of the points that no other dominates, on any number of axes; see `frontier`. O(n²)."""
    whole = [index for index, point in enumerate(points) if _is_whole(point)]
    costs = {index: _costs(points[index], more_is_better) for index in whole}
    return [index for index in whole if not any(_dominates(costs[other], costs[index]) for other in whole)]


def covered(points: Sequence[Point], worst: Point, ideal: Point, more_is_better: Sequence[bool]) -> float:
    """The share of the box between two corners that the points dominate, on three axes: from 0 to 1.

    Points beyond `ideal` count as lying on it. The volume is cut into slices along the last axis, each as thick as from
    one point to the next, and as large as the area that the points so far dominate.
    """
    corner, end = _costs(worst, more_is_better), _costs(ideal, more_is_better)
    sides = [low - high for low, high in zip(corner, end, strict=True)]
    shares = [
        [min((low - cost) / side, 1.0) for low, cost, side in zip(corner, costs, sides, strict=True)]
        for costs in (_costs(point, more_is_better) for point in points if _is_whole(point))
    ]  # how far each point reaches along each axis
    inside = sorted((share for share in shares if min(share) > 0), key=lambda share: -share[2])
    volume = 0.0
    for place, share in enumerate(inside):
        below = inside[place + 1][2] if place + 1 < len(inside) else 0.0
        flat = [other[:2] for other in inside[: place + 1]]
        volume += (share[2] - below) * hypervolume(flat, (0.0, 0.0), (True, True))
    return volume


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True)) and tuple(one) != tuple(other)


def _costs(point: Point, more_is_better: Sequence[bool]) -> tuple[float, ...]:
    return tuple(-value if more else value for value, more in zip(point, more_is_better, strict=True))


def _is_whole(point: Point) -> bool:
    return all(value is not None and math.isfinite(value) for value in point)


def _cost(point: Point, more_is_better: tuple[bool, bool]) -> tuple[float, float]:
    x, y = _costs(point, more_is_better)
    return x, y
