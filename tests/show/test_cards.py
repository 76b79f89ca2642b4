"""Before → after: every card says how far a number moved, whether that is good, and how sure it is."""

import pytest

from edgekit.core.budget import Budget
from edgekit.core.interval import Interval
from edgekit.library import card
from edgekit.show.cards import cards, speed
from tests.factories import a_baseline, a_run


def by_title(run, budget=None):
    return {one.title: one for one in cards(run, budget or Budget(), card("lenet5-fashion"))}


def test_every_card_tells_now_the_change_and_where_from():
    found = by_title(a_run())
    assert {title: (card.value, card.moved, card.before) for title, card in found.items()} == {
        "Accuracy": ("91.77 %", "−0.19 points", "from 91.96 %"),
        "Size": ("441 kB", "3.92× smaller", "from 1.73 MB"),
        "Latency": ("0.110 ms", "1.92× faster", "from 0.210 ms"),
        "As shipped": ("410 kB", "3.92× less", "from 1.61 MB"),
        "Memory": ("6.44 MB", "1.20× less", "from 7.73 MB"),
    }


def test_intervals_are_shown_and_exact_numbers_called_exact():
    found = by_title(a_run())
    assert found["Accuracy"].band == "91.2 to 92.3 %"
    assert found["Size"].band == "exact"
    assert found["Latency"].band == "0.108 to 0.112 ms"


def test_the_network_itself_has_moved_nowhere():
    assert {(one.moved, one.before) for one in by_title(a_baseline()).values()} == {(None, "")}


def test_what_was_never_trained_has_no_card_of_how_good_it_is():
    titles = [one.title for one in cards(a_run(), Budget(), card("bert-base"))]
    assert titles == ["Size", "Latency", "As shipped", "Memory"]


@pytest.mark.parametrize(
    ("drop", "p_value", "verdict"),
    [(-0.002, 0.5, "gray"), (-0.002, 0.001, "orange"), (-0.02, 0.001, "red"), (0.004, 0.01, "green")],
    ids=["chance", "within the budget", "over the budget", "better"],
)
def test_a_loss_is_judged_by_chance_and_by_the_budget(drop, p_value, verdict):
    run = a_run()
    changed = run.comparison.model_copy(
        update={"accuracy_difference": Interval(value=drop, low=drop - 0.001, high=drop + 0.001), "p_value": p_value}
    )
    assert by_title(run.model_copy(update={"comparison": changed}))["Accuracy"].verdict == verdict


def test_a_tie_is_called_one():
    run = a_run()
    tied = run.comparison.model_copy(
        update={"speed": "tie", "latency_ratio": Interval(value=1.01, low=0.99, high=1.03), "size_ratio": 1.0}
    )
    run = run.model_copy(update={"comparison": tied})
    found = by_title(run)
    assert speed(run) == "same speed"
    assert (found["Latency"].moved, found["Latency"].verdict) == ("same speed", "gray")
    assert (found["Size"].moved, found["Size"].verdict) == ("unchanged", "gray")


def test_what_is_not_known_yet_is_a_dash_and_says_so():
    run = a_run()
    run.measurements = {name: m for name, m in run.measurements.items() if name != "shipped_bytes"}
    card = by_title(run)["As shipped"]
    assert (card.value, card.moved, card.band) == ("–", None, "being measured")
