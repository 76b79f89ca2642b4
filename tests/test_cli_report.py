"""The verbs report and reproduce: files for other people, one stable object with --json, sentences for mistakes."""

import json

import pytest
from typer.testing import CliRunner

from edgekit.cli import app
from edgekit.core.errors import EdgeKitError
from edgekit.core.run import Status
from edgekit.store.store import Store
from tests.factories import a_baseline, a_run, a_stopped_run, compared, measurements

pytestmark = pytest.mark.usefixtures("own_store")
SMALL = {"measurements": measurements(0.915, 120_000), "comparison": compared(size=0.07, difference=-0.004)}


def said(*words: str) -> str:
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def runs():
    base, small = a_baseline(), a_run(recipe=[{"quantize_weights": {"bits": 2}}], **SMALL)
    large = a_run(baseline=base.id)
    with Store.open() as store:
        for run in (base, large, small):
            store.save(run)
    return base, large, small


def test_of_several_runs_the_best_is_reported_and_it_is_said_among_how_many(runs, tmp_path):
    _, large, small = runs
    out = tmp_path / "new" / "report.html"
    found = json.loads(said("report", large.id, small.id, "--out", str(out), "--accuracy-drop", "1", "--json"))
    text = out.read_text("utf-8")
    assert found == {
        "run": small.id, "path": str(out), "bytes": len(text.encode()), "among": [large.id, small.id],
    }  # fmt: skip
    assert "Chosen among 2 runs" in text
    assert f"run {small.id}" in text


def test_a_question_of_ones_own_and_a_budget_go_into_the_report(runs, tmp_path):
    out = tmp_path / "report.html"
    said("report", runs[1].id, "--out", str(out), "--size-bytes", "4e5", "--question", "Does it fit the watch?")
    text = out.read_text("utf-8")
    assert "Does it fit the watch?" in text
    assert "Not quite: size misses the budget" in text


def test_a_limit_on_a_device_goes_into_the_question(runs, tmp_path):
    out = tmp_path / "report.html"
    said("report", runs[1].id, "--out", str(out), "--limit", "latency@raspberry-pi-4=30ms")
    assert "at most 30.0 ms on Raspberry Pi 4 Model B" in out.read_text("utf-8")


@pytest.mark.parametrize("limit", ["size=5MB", "energy@raspberry-pi-4=5mJ"])
def test_a_limit_that_is_not_of_a_latency_elsewhere_is_refused_in_a_sentence(limit, runs, tmp_path):
    with pytest.raises(EdgeKitError) as refused:
        said("report", runs[1].id, "--out", str(tmp_path / "report.html"), "--limit", limit)
    assert str(refused.value) == (
        f"--limit must be of the latency on a device, such as latency@raspberry-pi-4=30ms, not '{limit}'. For limits "
        "here there are --size-bytes, --latency-ms and --accuracy-drop."
    )


def test_what_makes_a_run_again_is_written_into_a_folder(runs, tmp_path):
    found = json.loads(said("reproduce", runs[1].id, "--out", str(tmp_path / "out"), "--json"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["README.md", "reproduce.py"]
    assert found["command"] == "python -m edgekit compress lenet5-fashion --step quantize_static"
    assert "run it   python " in said("reproduce", runs[1].id, "--out", str(tmp_path / "out"))


@pytest.mark.parametrize("verb", ["report", "reproduce"])
def test_a_run_that_failed_is_refused_in_a_sentence(verb, tmp_path):
    failed = a_stopped_run(Status.FAILED, "the disk is full.")
    with Store.open() as store:
        store.save(failed)
    with pytest.raises(EdgeKitError) as refused:
        said(verb, failed.id, "--out", str(tmp_path / "out"))
    assert str(refused.value) == f"a report is of finished runs; {failed.id} is failed. the disk is full."
    assert not (tmp_path / "out").exists()


def test_a_budget_that_makes_no_sense_is_refused_in_a_sentence(runs, tmp_path):
    with pytest.raises(EdgeKitError) as refused:
        said("report", runs[1].id, "--size-bytes", "-1", "--out", str(tmp_path / "report.html"))
    assert "The budget" in str(refused.value)
