"""Fractions that climb, stretches of them, and Cancel."""

import pytest

from edgekit.core.errors import Cancelled
from edgekit.core.progress import each, part


def test_each_tells_before_every_item_and_one_at_the_end():
    told = []
    assert list(each(["a", "b"], lambda *words: told.append(words))) == ["a", "b"]
    assert told == [(0.0, "a"), (0.5, "b"), (1.0, "done")]


def test_nothing_to_go_through_is_done_at_once():
    told = []
    assert list(each(iter(()), lambda *words: told.append(words))) == []
    assert told == [(1.0, "done")]


def test_a_part_covers_its_stretch():
    told = []
    stretch = part(lambda fraction, what: told.append(fraction), 0.2, 0.6)
    stretch(0.0, ""), stretch(0.5, ""), stretch(1.0, "")
    assert told == pytest.approx([0.2, 0.4, 0.6])


def test_cancel_comes_out_where_the_work_is_done():
    def cancel(fraction: float, what: str) -> None:
        raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        next(each(["a"], cancel))
