"""Which points are worth looking at: those that no other point beats on both axes at once."""

import math
from collections.abc import Sequence

Point = Sequence[float | None]


def frontier(points: Sequence[Point], more_is_better: tuple[bool, bool]) -> list[int]:
    """Indices of the points that no other dominates, ordered along the first axis from low to high.

    A point dominates another if it is at least as good on both axes and better on one; equal points stand together.
    A point without an axis (None, NaN or infinite) is left out and beats nobody. One sort: O(n log n).

    Args:
        points: pairs (x, y), such as (size_bytes, accuracy).
        more_is_better: of x, and of y.
    """
    known = [index for index, point in enumerate(points) if _is_whole(point)]
    costs = {index: _cost(points[index], more_is_better) for index in known}  # less is better on both
    best, found = math.inf, []
    at_best = math.nan  # the x at which `best` was reached
    for index in sorted(known, key=lambda i: (costs[i], i)):
        x, y = costs[index]
        if y < best or (y, x) == (best, at_best):
            found.append(index)
            best, at_best = y, x
    return sorted(found, key=lambda i: (points[i][0], i))


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


def _is_whole(point: Point) -> bool:
    return all(value is not None and math.isfinite(value) for value in point)


def _cost(point: Point, more_is_better: tuple[bool, bool]) -> tuple[float, float]:
    x, y = (-value if more else value for value, more in zip(point, more_is_better, strict=True))
    return x, y
