"""Fusion levels: the same file, timed with and without, and what runs in each case."""

import pytest

from edgekit.core.errors import MeasureError
from edgekit.measure.fusion import LEVELS, fusion_latencies, operators
from edgekit.measure.latency import Turns, speed, time_by_turns
from tests.techniques.graphs import residual


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "residual.onnx"
    file.write_bytes(residual().SerializeToString())
    return file


def test_every_level_is_timed_against_the_first(path):
    rows = fusion_latencies(path)
    assert [row.level for row in rows] == list(LEVELS)
    assert (rows[0].ratio.value, rows[0].speed) == (1, "tie")
    for row in rows:
        assert row.latency_ms.value > 0
        assert row.ratio.low <= row.ratio.value <= row.ratio.high
        assert row.ratio.value == pytest.approx(row.latency_ms.value / rows[0].latency_ms.value, rel=0.5)


def test_the_levels_run_what_they_say(path):
    assert operators(path, "disabled") == {
        "Conv": 3, "Relu": 3, "Add": 1, "MaxPool": 1, "GlobalAveragePool": 1, "Flatten": 1, "Gemm": 1
    }  # fmt: skip
    assert operators(path, "extended")["FusedConv"] == 2
    assert "Add" not in operators(path, "all")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(MeasureError, match="the file to measure must exist"):
        fusion_latencies(tmp_path / "none.onnx")


def test_sums_of_files_are_compared_turn_by_turn():
    # Two turns of three files; the blocks' medians are 10, 20 and 60, then twice that: 30 against 60 each time.
    runs = [[[[9, 10, 11], [20]], [[20], [40, 40]], [[60], [120]]]]
    turns = Turns(runs, [[True, True]], threads=1, version="1")
    ratio = turns.ratio([0, 1], [2])
    assert ratio.value == pytest.approx(0.5)
    assert speed(ratio) == "faster"
    assert speed(turns.ratio([2], [0, 1])) == "slower"
    assert speed(turns.ratio([2], [2])) == "tie"


def test_a_file_timed_beside_itself_is_a_tie_within_noise(path):
    turns = time_by_turns([path, path, path])
    assert {len(opening) for opening in turns.runs} == {3}
    assert 0.8 < turns.ratio([1], [0]).value < 1.25
    assert 1.6 < turns.ratio([1, 2], [0]).value < 2.5
