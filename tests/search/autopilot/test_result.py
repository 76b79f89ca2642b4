"""The winner and the nearest misses, by their definitions; the box of hypervolume by a hand-worked example."""

import pytest

from edgekit.search.autopilot.result import nearest_misses, winner
from edgekit.search.autopilot.seen import covered_by
from edgekit.search.limits import parse_all
from tests.search.autopilot.made_up import miss, seen

ORIGINAL = seen("original", 0.0, 1.0, 1.0, steps=[])
SMALL = seen("small", -0.009, 0.1, 0.5)
GOOD = seen("good", -0.001, 0.3, 0.6)
OVER = seen("over", -0.05, 0.05, 0.4, missed=(miss(0.5), miss(0.1)))
NEAR = seen("near", -0.02, 0.06, 0.4, missed=(miss(0.2),))


def test_where_quality_is_limited_the_smallest_and_fastest_wins():
    assert winner([ORIGINAL, GOOD, SMALL, OVER], parse_all(["accuracy_drop=1"])) == SMALL


def test_who_holds_a_limit_by_luck_wins_only_where_none_holds_it_surely():
    lucky, sure = seen("lucky", -0.0098, 0.05, 0.4, spread=0.01), seen("sure", -0.004, 0.2, 0.5, spread=0.01)
    assert winner([lucky, sure], parse_all(["accuracy_drop=1"])) == sure
    assert winner([lucky], parse_all(["accuracy_drop=1"])) == lucky


def test_where_quality_is_not_limited_the_most_right_wins():
    assert winner([ORIGINAL, GOOD, SMALL], parse_all(["size=0.5x"])) == GOOD


def test_who_misses_a_limit_never_wins_and_the_original_only_alone():
    assert winner([OVER, NEAR], parse_all(["accuracy_drop=1"])) is None
    assert winner([ORIGINAL, OVER], parse_all(["accuracy_drop=1"])) == ORIGINAL


def test_the_nearest_misses_miss_least_first():
    assert nearest_misses([OVER, GOOD, NEAR]) == [NEAR, OVER]


def test_a_point_covers_its_part_of_the_box():
    """Gain 0 of −5 to 1 points: 5/6. A quarter of the bytes: 2 of 6 halvings. Half of the time: 1 of 3."""
    assert covered_by([seen("quarter", 0.0, 0.25, 0.5)]) == pytest.approx(5 / 6 * 2 / 6 * 1 / 3)
    assert covered_by([ORIGINAL]) == 0.0, "the original saves nothing"
    assert covered_by([]) == 0.0
