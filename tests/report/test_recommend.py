"""Of several runs the one is recommended that a search would call its winner."""

import pytest

from edgekit.core.budget import Budget
from edgekit.core.errors import StoreError
from edgekit.core.run import OnBoard, Run
from edgekit.report.recommend import recommended
from tests.factories import a_measurement, a_run, compared, measurements

BUDGET = Budget(size_bytes=3e5, latency_ms=1, accuracy_drop=1)


def a_point(id: str, size: int, lost: float) -> object:
    """A run with a file of so many bytes that lost so many points."""
    return a_run(
        id=id,
        measurements=measurements(0.9196 - lost / 100, size),
        comparison=compared(size=size / 1_729_000, difference=-lost / 100, spread=0.001),
    )


def on_a_pi(run: Run, milliseconds: float) -> Run:
    """The run with what a board took for its file."""
    taken = OnBoard(
        board="A Pi", device="raspberry-pi-4", runtime="ONNX Runtime 1.20.0", threads=4, baseline=None, ratio=None,
        speed="", latency=a_measurement("latency_ms", milliseconds), taken=run.created,
    )  # fmt: skip
    return run.model_copy(update={"boards": [taken]})


def test_the_smallest_that_holds_the_budget_is_recommended():
    runs = [a_point("large", 290_000, 0.1), a_point("small", 120_000, 0.5), a_point("tiny", 60_000, 4)]
    assert recommended(runs, BUDGET).id == "small"


def test_where_none_holds_it_the_nearest_miss_is():
    runs = [a_point("far", 900_000, 0.1), a_point("near", 310_000, 0.1)]
    assert recommended(runs, BUDGET).id == "near"


def test_a_limit_on_a_device_decides_too():
    runs = [on_a_pi(a_point("smaller", 120_000, 0.1), 40), on_a_pi(a_point("quicker", 200_000, 0.1), 20)]
    assert recommended(runs, BUDGET).id == "smaller"
    there = {"device": "raspberry-pi-4", "device_latency_ms": 30}
    assert recommended(runs, BUDGET.model_copy(update=there)).id == "quicker"


def test_of_no_run_nothing_can_be_recommended():
    with pytest.raises(StoreError) as refused:
        recommended([], BUDGET)
    assert str(refused.value) == ("a report needs at least one finished run; `python -m edgekit runs` lists them.")
