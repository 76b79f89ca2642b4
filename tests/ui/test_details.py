"""Changed answers, the waterfall of steps, advice, a job in words: what they say, read from their data."""

import dataclasses

import pytest

from edgekit.core.budget import Budget
from edgekit.core.run import Disagreement, Step
from edgekit.jobs.job import Job, JobStatus
from edgekit.ui import gallery, header, step_charts
from edgekit.ui.jobs_view import progress_text
from tests.factories import a_baseline, a_run, measurements

JOB = Job("id", "Compressing", "tab", False, JobStatus.RUNNING, 0.4, "epoch 2 of 3", 41.0, 0, False, None, "")


def test_a_changed_answer_shows_both_answers_with_what_was_right():
    one = Disagreement(sample=3, label=1, before=1, after=0, before_confidence=0.61, after_confidence=0.52)
    assert gallery.text(one, ("shirt", "coat").__getitem__).splitlines() == [
        "**coat**  ",
        ":small[:green[:material/check:] before: coat, 61\u00a0%]  ",
        ":small[:red[:material/close:] after: shirt, 52\u00a0%]",
    ]


def a_run_with_steps():
    run = a_run(recipe=[{"prune_channels": {}}, {"quantize_static": {}}])
    first = measurements(0.90, 800_000, 0.12)
    del first["peak_memory_bytes"]
    run.steps = [
        Step(index=1, technique="prune_channels", artifact=run.artifact, measurements=first),
        Step(index=2, technique="quantize_static", artifact=run.artifact, measurements=run.measurements),
    ]
    return run


def test_a_waterfall_steps_from_each_value_to_the_next():
    bars = step_charts.waterfall(a_run_with_steps(), "size_bytes").data[0]
    assert list(bars.x) == ["original", "1. prune channels", "2. quantize static"]
    tops = [base + height for base, height in zip(bars.base, bars.y, strict=True)]
    assert tops == [1_729_000, 1_729_000, 800_000]
    assert list(bars.base) == [0, 800_000, 441_000]
    assert list(bars.text) == ["1.73 MB", "800 kB", "441 kB"]


def test_better_and_worse_steps_have_different_colours_on_every_metric():
    size = step_charts.waterfall(a_run_with_steps(), "size_bytes").data[0].marker.color
    accuracy = step_charts.waterfall(a_run_with_steps(), "accuracy").data[0].marker.color
    assert list(size) == [step_charts.WHOLE, step_charts.BETTER, step_charts.BETTER]
    assert list(accuracy) == [step_charts.WHOLE, step_charts.WORSE, step_charts.BETTER]


def test_a_step_without_a_number_is_a_gap():
    bars = step_charts.waterfall(a_run_with_steps(), "peak_memory_bytes").data[0]
    assert bars.y[1] == 0
    assert bars.text[1] == "–"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({}, "Compressing: epoch 2 of 3 · about 41 s left"),
        ({"seconds_left": None, "what": ""}, "Compressing: starting"),
        ({"seconds_left": 0.3}, "Compressing: epoch 2 of 3"),
        ({"place": 1, "status": JobStatus.QUEUED}, "Compressing: waiting for one job before it"),
        ({"place": 3, "status": JobStatus.QUEUED}, "Compressing: waiting for 3 jobs before it"),
        ({"short": True, "title": "Measuring", "what": "timing"}, "Measuring: timing"),
        ({"waits": True}, "Compressing: resting while a point is measured"),
    ],
)
def test_a_job_says_where_it_is(change, text):
    assert progress_text(dataclasses.replace(JOB, **change)) == text


def test_a_chip_says_what_its_limit_asks_for():
    budget = Budget(size_bytes=250_000, latency_ms=2, accuracy_drop=0.5)
    limits = budget.limits(a_baseline().measurements["accuracy"])
    texts = [header.text(limit, budget) for limit in limits]
    assert texts == ["at most 250 kB", "at most 2.00 ms", "at most 0.5 points lost"]
