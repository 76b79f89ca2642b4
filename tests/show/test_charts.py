"""The Pareto charts, read back from the figures: what is drawn, where, how, and what is left out."""

import math

import pytest

from edgekit.core.budget import Budget
from edgekit.core.measurement import Measurement, Origin
from edgekit.search.frontier import frontier
from edgekit.show.charts import BOARD, CROWD, KINDS, Point, kind, pareto, round_values, tick_text, view
from tests.factories import a_measurement, measurements

BASE = Point("base", "uncompressed", [], measurements())
INT8 = Point("int8", "quantize static", [{"quantize_static": {}}], measurements(0.9177, 441_000, 0.11))
NARROW = Point("narrow", "prune channels", [{"prune_channels": {}}], measurements(0.88, 900_000, 0.08))
SMALL = Point("small", "both", [{"prune_channels": {}}, {"quantize_static": {}}], measurements(0.87, 230_000, 0.05))
POINTS = [BASE, INT8, NARROW, SMALL]


def trace(figure, name: str):
    return next(one for one in figure.data if one.name == name)


def contrast(one: str, other: str) -> float:
    """WCAG 2.1 contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [s / 12.92 if s <= 0.03928 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("page", ["#FFFFFF", "#0F141A"], ids=["light", "dark"])
@pytest.mark.parametrize("group", [*KINDS.values(), BOARD], ids=[*KINDS, "board"])
def test_every_colour_stands_out_on_both_pages(group, page):
    assert contrast(group.colour, page) >= 3


def test_no_two_kinds_share_a_colour_or_a_shape():
    assert (
        len({group.colour for group in KINDS.values()}) == len({group.symbol for group in KINDS.values()}) == len(KINDS)
    )


def test_a_recipe_belongs_to_one_kind():
    assert [kind(point.recipe) for point in POINTS] == ["baseline", "quantized", "pruned", "both"]
    assert kind([{"fine_tune": {}}]) == "other"


def test_every_point_is_drawn_where_it_was_measured_with_its_interval():
    drawn = trace(pareto(POINTS, "latency_ms", budget=Budget()), "Quantized")
    accuracy, latency = INT8.measurements["accuracy"], INT8.measurements["latency_ms"]
    assert (list(drawn.x), list(drawn.y)) == ([0.11], [pytest.approx(91.77)])
    assert drawn.error_y.array[0] == pytest.approx(100 * (accuracy.high - accuracy.value))
    assert drawn.error_y.arrayminus[0] == pytest.approx(100 * (accuracy.value - accuracy.low))
    assert drawn.error_x.array[0] == pytest.approx(latency.high - latency.value)
    assert drawn.customdata[0][0] == "int8"
    assert "91.8 %" in drawn.text[0]
    assert "0.110 ms" in drawn.text[0]


@pytest.mark.parametrize("metric", ["size_bytes", "latency_ms"])
def test_the_line_goes_through_the_points_that_none_beats(metric):
    line = trace(pareto(POINTS, metric, budget=Budget()), "Best so far")
    pairs = [(p.measurements[metric].value, p.measurements["accuracy"].value) for p in POINTS]
    best = [pairs[i] for i in frontier(pairs, more_is_better=(False, True))]
    assert list(zip(line.x, line.y, strict=True)) == [(x, 100 * y) for x, y in best]


def test_a_point_without_the_axis_is_left_out():
    elsewhere = Point("other", "timed elsewhere", [{"quantize_fp16": {}}], {
        name: m for name, m in measurements().items() if name != "latency_ms"
    })  # fmt: skip
    figure = pareto([BASE, elsewhere], "latency_ms", budget=Budget())
    assert [one.name for one in figure.data] == ["Best so far", "Uncompressed"]
    assert "Quantized" in [one.name for one in pareto([BASE, elsewhere], "size_bytes", budget=Budget()).data]


def test_a_prediction_is_hollow_named_so_and_never_on_the_line():
    estimate = Measurement(metric="accuracy", value=0.93, low=0.9, high=0.94, origin=Origin.ESTIMATED)
    ghost = Point(
        "", "4 bits", [{"quantize_weights": {}}], {"accuracy": estimate, "size_bytes": a_measurement("size_bytes", 2e5)}
    )
    figure = pareto(POINTS, "size_bytes", budget=Budget(), ghost=ghost)
    drawn = trace(figure, "Predicted, not measured")
    assert drawn.marker.symbol == "circle-open"
    assert drawn.customdata is None
    assert 2e5 not in trace(figure, "Best so far").x
    assert "Predicted, not measured" not in [
        one.name for one in pareto(POINTS, "latency_ms", budget=Budget(), ghost=ghost).data
    ]


def test_the_selected_point_is_the_one_with_a_halo_in_both_charts():
    for metric in ("size_bytes", "latency_ms"):
        figure = pareto(POINTS, metric, budget=Budget(), selected="narrow")
        halos = {
            one.customdata[i][0]
            for one in figure.data
            if one.customdata
            for i, w in enumerate(one.marker.line.width)
            if w
        }
        assert halos == {"narrow"}


def test_in_a_crowd_every_point_is_drawn_but_only_those_that_no_other_beats_with_an_interval():
    crowd = [
        Point(
            f"beaten {i}", f"recipe {i}", [{"prune_weights": {"sparsity": i / CROWD}}], measurements(0.8, 5_000_000 + i)
        )
        for i in range(CROWD)
    ]
    figure = pareto([*POINTS, *crowd], "size_bytes", budget=Budget(), selected="beaten 7")
    drawn = {id: one for one in figure.data if one.customdata is not None for id, *_ in one.customdata}
    assert drawn.keys() == {point.id for point in [*POINTS, *crowd]}
    in_full = {id for id, one in drawn.items() if one.error_y.array is not None}
    assert in_full == {"base", "int8", "small", "beaten 7"}
    assert all(drawn[point.id].type == "scattergl" for point in crowd if point.id != "beaten 7")


def test_the_same_points_make_the_same_figure():
    first, second = (pareto(POINTS, "size_bytes", budget=Budget(), selected="int8").to_json() for _ in range(2))
    assert first == second


def test_what_is_outside_the_budget_is_shaded_and_its_edge_named():
    figure = pareto(POINTS, "size_bytes", budget=Budget(size_bytes=1e6, accuracy_drop=1))
    beyond, below = figure.layout.shapes
    assert beyond.x0 == pytest.approx(1e6)
    assert below.x1 == pytest.approx(1e6)
    assert below.y1 == pytest.approx(91.96 - 1)
    texts = [note.text for note in figure.layout.annotations]
    assert texts == ["Budget: at most 1 point lost", "Budget: 1.00 MB"]


def test_a_budget_far_from_all_points_leaves_the_view_alone():
    figure = pareto([BASE, INT8], "size_bytes", budget=Budget(size_bytes=5e9, accuracy_drop=50))
    assert figure.layout.shapes == ()
    assert 10 ** figure.layout.xaxis.range[1] < 1e7


def test_without_a_baseline_no_accuracy_is_outside_the_budget():
    assert pareto([INT8], "size_bytes", budget=Budget()).layout.shapes == ()


def test_costs_alone_are_drawn_as_measured_with_the_line_through_those_that_are_least():
    figure = pareto(POINTS, "size_bytes", upright="latency_ms", budget=Budget())
    drawn, line = trace(figure, "Quantized"), trace(figure, "Best so far")
    latency = INT8.measurements["latency_ms"]
    assert (list(drawn.x), list(drawn.y)) == ([441_000], [0.11])
    assert drawn.error_y.array[0] == pytest.approx(latency.high - latency.value)
    assert list(zip(line.x, line.y, strict=True)) == [(230_000, 0.05)]  # smaller and faster than all others
    low, high = figure.layout.yaxis.range
    assert 10**low < 0.05 < 0.21 < 10**high


def test_costs_outside_the_budget_are_shaded_above_and_to_the_right():
    figure = pareto(POINTS, "size_bytes", upright="latency_ms", budget=Budget(size_bytes=1e6, latency_ms=0.1))
    beyond, above = figure.layout.shapes
    assert (beyond.x0, above.x1, above.y0) == (pytest.approx(1e6), pytest.approx(1e6), pytest.approx(0.1))
    assert [note.text for note in figure.layout.annotations] == ["Budget: at most 0.100 ms", "Budget: 1.00 MB"]
    memory = pareto(POINTS, "peak_memory_bytes", upright="latency_ms", budget=Budget(latency_ms=0.1))
    assert len(memory.layout.shapes) == 1  # no budget of memory, so only of latency


def test_a_chart_without_points_is_empty_and_whole():
    figure = pareto([], "size_bytes", budget=Budget())
    assert [list(one.x) for one in figure.data] == [[]]
    assert figure.layout.xaxis.tickvals == ()


def test_a_collapsed_point_does_not_flatten_the_others_unless_it_is_selected():
    collapsed = Point("collapsed", "2 bits", [{"quantize_weights": {}}], measurements(0.10, 150_000, 0.1))
    figure = pareto([*POINTS, collapsed], "size_bytes", budget=Budget())
    assert figure.layout.yaxis.range[0] > 70
    assert figure.layout.annotations[0].text == "1 more below: double-click to see"
    chosen = pareto([*POINTS, collapsed], "size_bytes", budget=Budget(), selected="collapsed")
    assert chosen.layout.yaxis.range[0] < 10


def test_the_view_holds_every_interval_it_shows():
    bottom, top = view(
        [("a", a_measurement("accuracy", 0.9, 0.02)), ("b", a_measurement("accuracy", 0.85, 0.03))], set()
    )
    assert bottom < 82
    assert top > 92


@pytest.mark.parametrize("low", [0.003, 0.04, 0.9, 7.0, 333.0, 1.2e6])
@pytest.mark.parametrize("ratio", [1.3, 1.9, 4.0, 30.0, 5000.0])
def test_an_axis_has_a_handful_of_round_ticks_inside_its_range(low, ratio):
    ticks = round_values(low, low * ratio)
    assert 2 <= len(ticks) <= 5
    assert all(low <= tick <= low * ratio for tick in ticks)
    assert ticks == sorted(ticks)
    assert all(math.isclose(float(f"{tick:.2g}"), tick) for tick in ticks)


def test_ticks_use_as_few_digits_as_they_need():
    assert [tick_text("size_bytes", tick) for tick in (5e5, 1e6, 1.5e6)] == ["500 kB", "1 MB", "1.5 MB"]
    assert tick_text("latency_ms", 0.05) == "0.05"


def test_a_name_that_looks_like_html_is_shown_as_it_was_written():
    named = Point("run", '<a href="https://example.org">cheap</a> & good', [{"quantize_static": {}}], measurements())
    figure = pareto([named], "size_bytes", budget=Budget())
    shown = next(text for trace in figure.data for text in trace.text or ())
    assert shown.startswith('<b>&lt;a href="https://example.org"&gt;cheap&lt;/a&gt; &amp; good</b>')


def test_what_a_real_device_took_is_a_solid_point_named_after_the_board():
    slow = INT8.measurements | {"latency_ms": a_measurement("latency_ms", 8.0, 0.1)}
    boards = [Point(INT8.id, "The board on my desk", INT8.recipe, slow)]
    drawn = pareto(POINTS, "latency_ms", budget=Budget(), boards=boards)
    board = trace(drawn, BOARD.title)
    assert (list(board.x), board.marker.symbol) == ([8.0], "hexagon")
    assert "The board on my desk" in board.text[0]
    assert 10 ** drawn.layout.xaxis.range[1] > 8.0
    assert BOARD.title not in {one.name for one in pareto(POINTS, "size_bytes", budget=Budget(), boards=boards).data}


def test_an_estimate_is_hollow_and_its_band_is_seen_whole():
    estimate = Measurement(metric="latency_ms", value=8.0, low=2.0, high=30.0, origin=Origin.ESTIMATED)
    there = Point(INT8.id, INT8.name, INT8.recipe, INT8.measurements | {"latency_ms": estimate})
    drawn = pareto([POINTS[0], there], "latency_ms", budget=Budget())
    assert list(trace(drawn, "Quantized").marker.symbol) == ["circle-open"]
    assert trace(drawn, "Uncompressed").marker.symbol == "star"
    assert "Latency (median), estimated: 8.00 ms (2.00 to 30.0 ms)" in trace(drawn, "Quantized").text[0]
    assert 10 ** drawn.layout.xaxis.range[1] > 30.0
