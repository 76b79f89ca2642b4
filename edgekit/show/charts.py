"""The Pareto charts: accuracy against size, accuracy against latency; of a network without accuracy, costs alone.

Pure functions from points to a figure.

Only measured points are solid. What is predicted is hollow, with its error band. Colours can be told apart by people
who see few of them, have a contrast of 3 : 1 on the white and on the dark page, and never stand alone: each kind has
its own shape as well.
"""

import functools
import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from edgekit.core.budget import Budget
from edgekit.core.measurement import METRICS, QUALITIES, Measurement, Origin, quality
from edgekit.search.frontier import frontier
from edgekit.show import words

HEIGHT = 380
MOST_TICKS = 5
HALO = 9  # pixels, around the selected point
MARGIN = 1.35  # of the horizontal axis, left and right of the points
QUALITY = "quality"  # the usual vertical axis: accuracy, or what stands in for it
TITLES = {"size_bytes": "Size on disk", "latency_ms": "Latency (ms, median)", "peak_memory_bytes": "Peak memory"}
SHORT = {"size_bytes": "size", "latency_ms": "latency", "peak_memory_bytes": "memory"}
# What the two charts of a network show, along and upright; of one on random inputs, what it costs.
WITH_QUALITY = (("size_bytes", QUALITY), ("latency_ms", QUALITY))
COSTS_ALONE = (("size_bytes", "latency_ms"), ("peak_memory_bytes", "latency_ms"))
CROWD = 1000  # with more points, those that others beat are drawn small and without error bars, by the graphics card
VIEW_POINTS = 12.0  # the chart opens on this many points of accuracy below the best; the rest is one zoom away
GREY = "#6B7280"
SHADE = "rgba(217, 60, 45, 0.09)"
CONFIG = {
    "displaylogo": False, "scrollZoom": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "toImage"],
    "plotGlPixelRatio": 1,  # four times fewer pixels than plotly's 2, where no graphics card helps to draw them
}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A group of points that share a name, a colour and a shape."""

    title: str
    colour: str
    symbol: str


KINDS = {
    "baseline": Kind("Uncompressed", GREY, "star"),
    "quantized": Kind("Quantized", "#2F7DE1", "circle"),
    "pruned": Kind("Pruned", "#D9730D", "diamond"),
    "both": Kind("Pruned and quantized", "#0E9384", "square"),
    "other": Kind("In other ways", "#9A5CD0", "cross"),
}
BOARD = Kind("This file on a real device", "#B7791F", "hexagon")


@dataclass(frozen=True)
class Point:
    """A measured file as the charts need it: the id of its run, its name and recipe, and its numbers."""

    id: str
    name: str
    recipe: list
    measurements: dict[str, Measurement] = field(default_factory=dict)

    @functools.cached_property
    def quality(self) -> Measurement | None:
        """How good it is: accuracy, or what stands in for it."""
        return quality(self.measurements)

    @functools.cached_property
    def kind(self) -> str:
        """Which of KINDS its recipe belongs to."""
        return kind(self.recipe)

    @functools.cached_property
    def label(self) -> str:
        """Its name, as plotly may write it."""
        return plain(self.name)

    def xy(self, metric: str, upright: str = QUALITY) -> tuple[Measurement, Measurement] | None:
        """The values on the horizontal and the vertical axis; None if one of them is not known."""
        x, y = self.measurements.get(metric), self.quality if upright == QUALITY else self.measurements.get(upright)
        known = x is not None and y is not None and x.value > 0 and (upright == QUALITY or y.value > 0)
        return (x, y) if known else None


def title(metric: str, upright: str, good: str, beside: str = "") -> str:
    """What a chart is called.

    Args:
        good: the metric that says how good a file is.
        beside: a word or two on what that was measured on.
    """
    name = METRICS[good].title.split()[0] if upright == QUALITY else SHORT[upright].capitalize()
    return f"{name}{beside} and {SHORT[metric]}"


def kind(recipe: list) -> str:
    """Which of KINDS a recipe belongs to."""
    names = [next(iter(step)) for step in recipe]
    pruned = any(name.startswith("prune") for name in names)
    quantized = any(name.startswith("quantize") for name in names)
    if not names:
        return "baseline"
    return "both" if pruned and quantized else "pruned" if pruned else "quantized" if quantized else "other"


def pareto(
    points: Sequence[Point],
    metric: str,
    *,
    budget: Budget,
    upright: str = QUALITY,
    selected: str | None = None,
    ghost: Point | None = None,
    boards: Sequence[Point] = (),
) -> go.Figure:
    """What `upright` names against `metric` (keys of TITLES).

    Args:
        points: measured ones; a point without one of the axes is left out. The one with an empty recipe is the
            baseline.
        budget: the region outside it is shaded.
        selected: id of the point to mark.
        ghost: a prediction, drawn hollow.
        boards: the selected file as real devices timed it, each named after its board.
    """
    axes = (metric, upright)
    known = _placed(points, axes)
    foreseen = _placed([ghost] if ghost is not None else [], axes)
    figure = go.Figure()
    on_frontier = _frontier(figure, known, axes)
    detailed, crowd = known, []
    if len(known) > CROWD:
        near = on_frontier | {selected} | {one.point.id for one in known if not one.point.recipe}
        detailed, crowd = ([one for one in known if (one.point.id in near) is is_near] for is_near in (True, False))
    for members, draw in ((_by_kind(crowd), _crowd), (_by_kind(detailed), _group)):
        for name, some in members.items():
            draw(figure, some, KINDS[name], axes, selected)
    for one in foreseen:
        _ghost(figure, one, axes)
    there = _placed(boards if metric == "latency_ms" else [], axes)
    if there:
        _group(figure, there, BOARD, axes, None)
    _axes(figure, known + foreseen + there, axes, always={selected, ghost.id if ghost else None})
    _layout(figure)
    _shade(figure, axes, budget, next((one.y.value for one in known if not one.point.recipe), None))
    return figure


Axes = tuple[str, str]  # what the horizontal and the vertical one show


class Placed(NamedTuple):
    """A point with its values on the horizontal and the vertical axis."""

    point: Point
    x: Measurement
    y: Measurement


def _placed(points: Iterable[Point], axes: Axes) -> list[Placed]:
    """Those of which both are known."""
    return [Placed(point, *xy) for point in points if (xy := point.xy(*axes))]


def _by_kind(placed: list[Placed]) -> dict[str, list[Placed]]:
    """Those that there are, in the order of KINDS."""
    found: dict[str, list[Placed]] = {name: [] for name in KINDS}
    for one in placed:
        found[one.point.kind].append(one)
    return {name: some for name, some in found.items() if some}


def _frontier(figure: go.Figure, placed: list[Placed], axes: Axes) -> set[str]:
    """Draws the line; the ids of the points on it."""
    pairs = [(one.x.value, one.y.value) for one in placed]
    places = frontier(pairs, more_is_better=(False, axes[1] == QUALITY))
    best = [pairs[i] for i in places]
    figure.add_scatter(
        x=[x for x, _ in best], y=[_scale(axes) * y for _, y in best], mode="lines", name="Best so far",
        hoverinfo="skip", line={"color": GREY, "width": 1.5, "shape": "hv"}, showlegend=False,
    )  # fmt: skip
    return {placed[i].point.id for i in places}


def _crowd(figure: go.Figure, placed: list[Placed], group: Kind, axes: Axes, selected: str | None) -> None:
    """Thousands of points of one kind, each of which can still be read and clicked."""
    shown = [(one.metric, axis) for one, axis in ((placed[0].y, "y"), (placed[0].x, "x"))]
    lines = [f"{METRICS[metric].title}: {_shown(metric, axis)}" for metric, axis in shown]
    figure.add_scattergl(
        x=np.array([one.x.value for one in placed]),
        y=_scale(axes) * np.array([one.y.value for one in placed]),
        mode="markers", name=group.title, legendgroup=group.title, showlegend=False,
        marker={"color": group.colour, "symbol": group.symbol, "size": 6, "opacity": 0.6},
        customdata=np.array([[one.point.id, one.point.label] for one in placed]),
        hovertemplate="<br>".join(["<b>%{customdata[1]}</b>", *lines]) + "<extra></extra>",
    )  # fmt: skip


def _shown(metric: str, axis: str) -> str:
    """A value where the browser writes it."""
    unit = METRICS[metric].unit
    if unit == "fraction":
        return f"%{{{axis}:.1f}} %"
    return f"%{{{axis}:.3s}}B" if unit == "bytes" else f"%{{{axis}:.3~g}} ms"


def _group(figure: go.Figure, placed: list[Placed], group: Kind, axes: Axes, selected: str | None) -> None:
    """The points of one kind; the selected one is larger and has a halo."""
    size, larger = (16, 20) if group.symbol == "star" else (10, 14)
    chosen = [one.point.id == selected for one in placed]
    hollow = [Origin.ESTIMATED in (one.x.origin, one.y.origin) for one in placed]
    widths = [(4 if h else HALO) if c else 2 * h for c, h in zip(chosen, hollow, strict=True)]
    figure.add_scatter(
        **_places(placed, axes, group.colour), mode="markers", name=group.title, legendgroup=group.title,
        marker={
            "color": group.colour, "opacity": 1,
            "symbol": [f"{group.symbol}-open" if h else group.symbol for h in hollow] if any(hollow) else group.symbol,
            "size": [larger if c else size for c in chosen],
            "line": {"color": _faded(group.colour), "width": widths},
        },
        customdata=[[one.point.id] for one in placed], text=[_hover(one) for one in placed],
        hovertemplate="%{text}<extra></extra>", unselected={"marker": {"opacity": 1}},
    )  # fmt: skip


def _faded(colour: str) -> str:
    """#2F7DE1 at a third of its strength."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.35)"


def _ghost(figure: go.Figure, ghost: Placed, axes: Axes) -> None:
    group = KINDS[ghost.point.kind]
    figure.add_scatter(
        **_places([ghost], axes, group.colour), mode="markers", name="Predicted, not measured", opacity=0.8,
        marker={"color": group.colour, "symbol": f"{group.symbol}-open", "size": 13, "line": {"width": 2}},
        text=[f"<b>Predicted, not measured</b><br>{_hover(ghost)}"], hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip


def _places(placed: list[Placed], axes: Axes, colour: str) -> dict:
    """x, y and the error bars of both."""
    _, xs, ys = zip(*placed, strict=True)
    return {
        "x": [m.value for m in xs],
        "y": [_scale(axes) * m.value for m in ys],
        "error_x": _bars(xs, 1, colour),
        "error_y": _bars(ys, _scale(axes), colour),
    }


def _scale(axes: Axes) -> int:
    """How good a file is stands in percent; what it costs in its own unit."""
    return 100 if axes[1] == QUALITY else 1


def _bars(found: Sequence[Measurement], scale: int, colour: str) -> dict:
    return {
        "array": [scale * (m.high - m.value) for m in found],
        "arrayminus": [scale * (m.value - m.low) for m in found],
        "color": colour, "thickness": 1, "width": 3, "symmetric": False,
    }  # fmt: skip


def _hover(placed: Placed) -> str:
    lines = [f"<b>{placed.point.label}</b>"]
    for measurement in (placed.y, placed.x):
        band = words.interval(measurement)
        title = METRICS[measurement.metric].title + (", estimated" if measurement.origin is Origin.ESTIMATED else "")
        lines.append(f"{title}: {words.measured(measurement)}" + (f" ({band})" if band else ""))
    return "<br>".join(lines)


def plain(name: str) -> str:
    """A text that somebody else wrote: plotly reads some HTML in what it shows, and none of it is to be meant."""
    return html.escape(name, quote=False)


def _axes(figure: go.Figure, placed: list[Placed], axes: Axes, always: set[str]) -> None:
    """Both axes, opened on the points that are worth seeing; costs are on logarithmic ones."""
    metric, upright = axes
    if upright == QUALITY:
        placed = _quality_axis(figure, placed, always)
    else:
        figure.update_yaxes(**_costs([one.y.value for one in placed], upright))
    along = [one.x for one in placed]
    bands = [edge for x in along if x.origin is Origin.ESTIMATED for edge in (x.low, x.high)]
    figure.update_xaxes(**_costs([x.value for x in along] + bands, metric))


def _costs(values: list[float], metric: str) -> dict:
    """A logarithmic axis with round ticks; with none where there is nothing to read off."""
    low, high = min(values, default=1.0) / MARGIN, max(values, default=1.0) * MARGIN
    ticks = round_values(low, high) if values else []
    return {
        "type": "log", "range": [math.log10(low), math.log10(high)], "tickvals": ticks, "zeroline": False,
        "ticktext": [tick_text(metric, tick) for tick in ticks], "title": TITLES[metric], "tickangle": 0,
    }  # fmt: skip


def _quality_axis(figure: go.Figure, placed: list[Placed], always: set[str]) -> list[Placed]:
    """The vertical axis of how good the points are; those that it shows are returned."""
    bottom, top = view([(one.point.id, one.y) for one in placed], always)
    seen = [one for one in placed if 100 * one.y.value >= bottom]
    title = METRICS[placed[0].y.metric if placed else QUALITIES[0]].title
    figure.update_yaxes(range=[bottom, top], ticksuffix=" %", title=title, zeroline=False)
    if hidden := len(placed) - len(seen):
        figure.add_annotation(
            text=f"{hidden} more below: double-click to see", showarrow=False, xref="paper", yref="paper", x=1, y=0,
            xanchor="right", yanchor="bottom", xshift=-6, yshift=4, font={"size": 12},
        )  # fmt: skip
    return seen


def _layout(figure: go.Figure) -> None:
    figure.update_layout(
        height=HEIGHT, margin={"l": 8, "r": 8, "t": 8, "b": 8}, dragmode=False, hovermode="closest",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "itemclick": False},
        hoverlabel={"align": "left"},
    )  # fmt: skip


def view(accuracies: list[tuple[str, Measurement]], always: set[str]) -> tuple[float, float]:
    """The stretch of accuracy to open on, in percent: the best few points, and those of `always` wherever they are."""
    if not accuracies:
        return 0.0, 100.0
    top = max(100 * m.high for _, m in accuracies)
    floor = max(100 * m.value for _, m in accuracies) - VIEW_POINTS
    lowest = min(100 * m.low for id_, m in accuracies if 100 * m.value >= floor or id_ in always)
    margin = max(0.5, 0.08 * (top - lowest))
    return max(lowest - margin, 0.0), min(top + margin, 100.5)


def round_values(low: float, high: float) -> list[float]:
    """Ticks of a logarithmic axis: 1, 10, … or 1, 2, 5, … or finer, until three are between two values."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), tuple(1 + 0.2 * i for i in range(45))):
        ticks = [float(f"{step}e{decade}") for decade in decades for step in steps]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) >= 3:
            break
    return ticks[:: math.ceil(len(ticks) / MOST_TICKS)]


def tick_text(metric: str, tick: float) -> str:
    """A tick with as few digits as it needs: 500 kB, 2 MB, 0.05."""
    if METRICS[metric].unit != "bytes":
        return f"{tick:g}"
    factor, unit = (1e6, "MB") if tick >= 1e6 else (1e3, "kB")
    return f"{tick / factor:g} {unit}"


def _shade(figure: go.Figure, axes: Axes, budget: Budget, base: float | None) -> None:
    """Tint what is outside the budget, and name its edge where the view reaches it."""
    metric, upright = axes
    x_low, x_high = (10**edge for edge in figure.layout.xaxis.range)
    worst = min(max(getattr(budget, metric, x_high), x_low), x_high)
    bottom, top = view_ends = figure.layout.yaxis.range
    if upright == QUALITY:
        least = bottom if base is None else min(max(100 * base - budget.accuracy_drop, bottom), top)
        beyond, place, edge = (bottom, least), least, words.drop(budget.accuracy_drop)
    else:
        bottom, top = 10**bottom, 10**top
        most = min(max(getattr(budget, upright), bottom), top)
        beyond, place, edge = (most, top), math.log10(most), words.number(upright, getattr(budget, upright))
    if worst < x_high:
        _tint(figure, worst, x_high, bottom, top)
    if beyond[0] < beyond[1]:
        _tint(figure, x_low, worst, *beyond)
        figure.add_annotation(
            text=f"Budget: at most {edge}", showarrow=False, xref="paper", x=0, y=place,
            xanchor="left", yanchor="top" if place > sum(view_ends) / 2 else "bottom", xshift=4, font={"size": 12},
        )  # fmt: skip
    if x_low < worst < x_high:
        figure.add_annotation(
            text=f"Budget: {words.number(metric, worst)}", showarrow=False, yref="paper", x=math.log10(worst), y=0,
            xanchor="right", yanchor="bottom", xshift=-4, font={"size": 12},
        )  # fmt: skip


def _tint(figure: go.Figure, x0: float, x1: float, y0: float, y1: float) -> None:
    figure.add_shape(type="rect", x0=x0, x1=x1, y0=y0, y1=y1, fillcolor=SHADE, line_width=0, layer="below")
