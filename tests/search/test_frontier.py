"""The frontier and the area it dominates, against their definitions on random points."""

import math

import numpy as np
import pytest

from edgekit.search.frontier import best, covered, frontier, hypervolume

DIRECTIONS = [(False, False), (False, True), (True, False), (True, True)]


def dominates(one, other, more_is_better):
    """The definition: at least as good on every axis, and better on one."""
    pairs = [(a, b) if more else (b, a) for a, b, more in zip(one, other, more_is_better, strict=True)]
    return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)


def by_definition(points, more_is_better):
    whole = [i for i, p in enumerate(points) if all(v is not None and math.isfinite(v) for v in p)]
    return {i for i in whole if not any(dominates(points[j], points[i], more_is_better) for j in whole)}


@pytest.mark.parametrize("more_is_better", DIRECTIONS)
@pytest.mark.parametrize("grid", [3, 10, 10**6], ids=["many ties", "some ties", "no ties"])
def test_the_frontier_is_what_the_definition_says_on_random_points(more_is_better, grid):
    rng = np.random.default_rng(grid)
    for n in (0, 1, 2, 5, 60):
        for _ in range(20):
            points = [tuple(p) for p in rng.integers(0, grid, (n, 2)).tolist()]
            found = frontier(points, more_is_better)
            assert set(found) == by_definition(points, more_is_better)
            assert len(found) == len(set(found))


def test_points_without_an_axis_are_left_out_and_beat_nobody():
    points = [(1, None), (None, 9), (math.nan, 9), (0, math.inf), (-math.inf, 5), (3, 4)]
    assert frontier(points, (False, True)) == [5]


def test_equal_points_stand_together():
    assert frontier([(1, 2), (3, 4), (1, 2), (5, 4)], (False, True)) == [0, 2, 1]


def test_the_line_runs_along_the_first_axis():
    points = [(5.0, 0.9), (1.0, 0.5), (3.0, 0.8), (4.0, 0.6)]
    assert frontier(points, (False, True)) == [1, 2, 0]
    assert frontier([(-x, y) for x, y in points], (True, True)) == [0, 2, 1]


def test_nothing_has_no_frontier():
    assert frontier([], (False, True)) == []


def test_a_hand_worked_area():
    """Sizes 1, 2 and 4 with accuracies 0.5, 0.7 and 0.8, down to size 5 and accuracy 0.4."""
    points = [(1, 0.5), (2, 0.7), (4, 0.8), (3, 0.6), (2, None)]
    area = (2 - 1) * 0.1 + (4 - 2) * 0.3 + (5 - 4) * 0.4
    assert hypervolume(points, (5, 0.4), (False, True)) == pytest.approx(area)


@pytest.mark.parametrize("more_is_better", DIRECTIONS)
def test_the_area_is_what_random_darts_find(more_is_better):
    rng = np.random.default_rng(1)
    points = rng.uniform(0, 1, (12, 2))
    worst = tuple(0.1 if more else 0.9 for more in more_is_better)
    darts = rng.uniform(0, 1, (40_000, 2))
    sign = np.where(more_is_better, 1, -1)
    inside = ((darts - worst) * sign >= 0).all(1)
    hit = ((points[:, None] - darts) * sign >= 0).all(2).any(0) & inside  # (points, darts, 2) -> (darts,)
    assert hypervolume(points.tolist(), worst, more_is_better) == pytest.approx(hit.mean(), abs=0.01)


def test_points_that_are_worse_than_the_corner_add_nothing():
    assert hypervolume([(9, 0.9), (1, 0.1)], (5, 0.4), (False, True)) == 0
    assert hypervolume([], (5, 0.4), (False, True)) == 0


def test_a_dominated_point_adds_nothing_and_a_new_best_adds_something():
    points = [(2, 0.7), (4, 0.8)]
    area = hypervolume(points, (5, 0.4), (False, True))
    assert hypervolume([*points, (3, 0.6)], (5, 0.4), (False, True)) == area
    assert hypervolume([*points, (3, 0.75)], (5, 0.4), (False, True)) > area


@pytest.mark.parametrize("more_is_better", [(True, False, False), (False, True, True)])
def test_on_three_axes_the_best_are_what_the_definition_says(more_is_better):
    rng = np.random.default_rng(0)
    for grid in (3, 10**6):
        points = [tuple(p) for p in rng.integers(0, grid, (60, 3)).tolist()] + [(None, 0, 0), (math.nan, 0, 0)]
        assert set(best(points, more_is_better)) == by_definition(points, more_is_better)


def test_the_share_of_a_box_is_what_random_points_in_it_find_dominated():
    rng = np.random.default_rng(1)
    points = rng.uniform(-0.2, 1.2, (12, 3))  # some beyond the ideal corner, some worse than the worst
    inside = rng.uniform(0, 1, (20_000, 3))
    dominated = (points[None] >= inside[:, None]).all(2).any(1).mean()
    found = covered(points.tolist(), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (True, True, True))
    assert found == pytest.approx(dominated, abs=0.015)


def test_a_hand_worked_share_with_less_being_better():
    """Sizes from 10 down to 0, errors from 1 to 0, times from 4 to 0: two boxes that overlap."""
    points = [(5, 0.5, 2), (8, 0.2, 1)]
    first, second, both = 0.5 * 0.5 * 0.5, 0.2 * 0.8 * 0.75, 0.2 * 0.5 * 0.5
    share = covered(points, (10, 1, 4), (0, 0, 0), (False, False, False))
    assert share == pytest.approx(first + second - both)
