"""The levels of operator fusion: bars that say how long, how much of the time without, and a tie as a tie."""

from edgekit.core.interval import Interval
from edgekit.core.measurement import Measurement, Origin
from edgekit.measure.fusion import FusionRow
from edgekit.ui import fusion_levels


def row(level: str, ms: float, speed: str, **operators: int) -> FusionRow:
    latency = Measurement(metric="latency_ms", value=ms, low=0.9 * ms, high=1.1 * ms, origin=Origin.MEASURED)
    ratio = Interval(value=ms / 2, low=ms / 2 - 0.01, high=ms / 2 + 0.01)
    return FusionRow(level, f"what {level} does", operators, latency, ratio, speed)


ROWS = [
    row("disabled", 2.0, "tie", Conv=9, Relu=9, Add=3),
    row("basic", 1.98, "tie", Conv=9),
    row("all", 1.5, "faster"),
]


def test_each_level_says_its_time_and_its_share_of_the_time_without_fusion():
    bars = fusion_levels.figure(ROWS).data[0]
    assert list(bars.y) == ["disabled", "basic", "all"]
    assert list(bars.x) == [2.0, 1.98, 1.5]
    assert [text.replace("\u00a0", " ") for text in bars.text] == ["2.00 ms", "1.98 ms (a tie)", "1.50 ms (0.75 ×)"]
    assert [text.replace("\u00a0", " ") for text in bars.customdata][2] == "1.35 to 1.65 ms"


def test_the_table_counts_the_operators_that_run():
    table = fusion_levels.table(ROWS)
    assert table["Operators"] == ["21", "9", "0"]
    assert table["Most frequent"][0] == "9 Conv, 9 Relu, 3 Add"
