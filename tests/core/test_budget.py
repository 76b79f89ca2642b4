"""Limits on measured numbers: an unknown number is a miss, never a pass."""

import pytest
from pydantic import ValidationError

from edgekit.core.budget import Budget, Limit
from edgekit.core.measurement import METRICS, Measurement


def size(value: float) -> Measurement:
    return Measurement.exact("size_bytes", value, "")


def test_on_the_limit_is_within_it():
    assert Limit(metric="size_bytes", worst=100).miss(size(100)) is None


def test_a_miss_says_by_what():
    assert Limit(metric="size_bytes", worst=100).miss(size(101)) == "Size on disk 101 B is above 100 B"


def test_where_more_is_better_below_is_a_miss():
    limit = Limit(metric="accuracy", worst=0.9)
    assert limit.miss(Measurement.exact("accuracy", 0.9, "")) is None
    assert limit.miss(Measurement.exact("accuracy", 0.89, "")) == "Accuracy 89.00 % is below 90.00 %"


@pytest.mark.parametrize("metric", METRICS)
def test_an_unknown_number_is_a_miss_of_every_metric(metric: str):
    assert Limit(metric=metric, worst=1).miss(None) == f"{METRICS[metric].title} is not known"


def test_the_budget_counts_accuracy_in_points_below_the_baseline():
    before = Measurement.exact("accuracy", 0.9, "")
    limits = {limit.metric: limit.worst for limit in Budget(accuracy_drop=1.5).limits(before)}
    assert limits == {"size_bytes": 5e6, "latency_ms": 100, "accuracy": pytest.approx(0.885)}


def test_without_a_baseline_there_is_no_accuracy_to_hold():
    assert [limit.metric for limit in Budget().limits(None)] == ["size_bytes", "latency_ms"]


@pytest.mark.parametrize("wrong", [{"size_bytes": 0}, {"latency_ms": -1}, {"accuracy_drop": -0.1}])
def test_a_budget_that_nothing_can_meet_is_refused(wrong: dict):
    with pytest.raises(ValidationError):
        Budget(**wrong)
