"""The whole way to an answer: a stacked bar a file, and a table that adds all of it."""

from edgekit.core.measurement import Measurement, Origin
from edgekit.measure.whole import STEPS, Whole
from edgekit.ui import whole_way


def time(ms: float) -> Measurement:
    return Measurement(metric="latency_ms", value=ms, low=0.9 * ms, high=1.1 * ms, origin=Origin.MEASURED, how="median")


FOUND = {
    "Original": Whole(dict(zip(STEPS, map(time, (0.1, 0.2, 1.0, 0.05)), strict=True)), time(1.36)),
    "This file": Whole(dict(zip(STEPS, map(time, (0.1, 0.2, 0.4, 0.05)), strict=True)), time(0.75)),
}


def test_each_step_is_a_stretch_of_every_files_bar():
    bars = whole_way.figure(FOUND).data
    assert [bar.name for bar in bars] == ["Decode", "Prepare", "Run the network", "Read the answer"]
    assert [list(bar.x) for bar in bars] == [[0.1, 0.1], [0.2, 0.2], [1.0, 0.4], [0.05, 0.05]]


def test_the_table_ends_with_all_together():
    table = whole_way.table(FOUND)
    assert table["Step"][-1] == "All together"
    assert table["This file"][-1].startswith("0.750 ms")
    assert table["Original"][2].startswith("1.00 ms")
