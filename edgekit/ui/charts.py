"""The two Pareto charts: accuracy against size, accuracy against latency. Pure functions from points to a figure.

Only measured points are solid. What is predicted is hollow, with its error band. Colours can be told apart by people
who see few of them, have a contrast of 3 : 1 on the white and on the dark page, and never stand alone: each kind has
its own shape as well.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import plotly.graph_objects as go

from edgekit.core.budget import Budget
from edgekit.core.measurement import METRICS, Measurement
from edgekit.search.frontier import frontier
from edgekit.ui import words

HEIGHT = 380
VIEW_POINTS = 12.0  # the chart opens on this many points of accuracy below the best; the rest is one zoom away
GREY = "#6B7280"
SHADE = "rgba(217, 60, 45, 0.09)"
CONFIG = {"displaylogo": False, "scrollZoom": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "toImage"]}


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
    "other": Kind("Only trained", "#9A5CD0", "cross"),
}


@dataclass(frozen=True)
class Point:
    """A measured file as the charts need it: the id of its run, its name and recipe, and its numbers."""

    id: str
    name: str
    recipe: list
    measurements: dict[str, Measurement] = field(default_factory=dict)

    def xy(self, metric: str) -> tuple[Measurement, Measurement] | None:
        """The value on the horizontal axis and the accuracy; None if one of them is not known."""
        x, y = self.measurements.get(metric), self.measurements.get("accuracy")
        return (x, y) if x is not None and y is not None and x.value > 0 else None


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
    selected: str | None = None,
    ghost: Point | None = None,
) -> go.Figure:
    """Accuracy against `metric` ("size_bytes" or "latency_ms").

    Args:
        points: measured ones; a point without this axis is left out. The one with an empty recipe is the baseline.
        budget: the region outside it is shaded.
        selected: id of the point to ring.
        ghost: a prediction, drawn hollow.
    """
    known = [point for point in points if point.xy(metric)]
    base = next((p.measurements["accuracy"].value for p in known if not p.recipe), None)
    figure = go.Figure()
    _frontier(figure, known, metric)
    for name, group in KINDS.items():
        _group(figure, [p for p in known if kind(p.recipe) == name], group, metric)
    if ghost is not None and ghost.xy(metric):
        _ghost(figure, ghost, metric)
    _ring(figure, [p for p in known if p.id == selected], metric)
    shown = known + ([ghost] if ghost is not None and ghost.xy(metric) else [])
    _axes(figure, shown, metric, selected)
    _shade(figure, metric, budget, base)
    return figure


def _frontier(figure: go.Figure, points: list[Point], metric: str) -> None:
    pairs = [(p.measurements[metric].value, p.measurements["accuracy"].value) for p in points]
    best = [pairs[i] for i in frontier(pairs, more_is_better=(False, True))]
    figure.add_scatter(
        x=[x for x, _ in best], y=[100 * y for _, y in best], mode="lines", name="Best so far", hoverinfo="skip",
        line={"color": GREY, "width": 1.5, "shape": "hv"}, showlegend=False,
    )  # fmt: skip


def _group(figure: go.Figure, points: list[Point], group: Kind, metric: str) -> None:
    if not points:
        return
    star = group.symbol == "star"
    figure.add_scatter(
        **_places(points, metric, group.colour), mode="markers", name=group.title,
        marker={"color": group.colour, "symbol": group.symbol, "size": 16 if star else 10},
        customdata=[[point.id] for point in points], text=[_hover(point, metric) for point in points],
        hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip


def _ghost(figure: go.Figure, ghost: Point, metric: str) -> None:
    group = KINDS[kind(ghost.recipe)]
    figure.add_scatter(
        **_places([ghost], metric, group.colour), mode="markers", name="Predicted, not measured", opacity=0.8,
        marker={"color": group.colour, "symbol": f"{group.symbol}-open", "size": 13, "line": {"width": 2}},
        text=[f"<b>Predicted, not measured</b><br>{_hover(ghost, metric)}"], hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip


def _ring(figure: go.Figure, points: list[Point], metric: str) -> None:
    for point in points:
        x, y = point.xy(metric)
        figure.add_scatter(
            x=[x.value], y=[100 * y.value], mode="markers", name="Selected", hoverinfo="skip", showlegend=False,
            marker={
                "symbol": "circle-open", "size": 23, "color": KINDS[kind(point.recipe)].colour, "line": {"width": 2.5},
            },
        )  # fmt: skip


def _places(points: list[Point], metric: str, colour: str) -> dict:
    """x, y and the error bars of both."""
    xs, ys = [p.measurements[metric] for p in points], [p.measurements["accuracy"] for p in points]
    return {
        "x": [m.value for m in xs],
        "y": [100 * m.value for m in ys],
        "error_x": _bars([m.high - m.value for m in xs], [m.value - m.low for m in xs], colour),
        "error_y": _bars([100 * (m.high - m.value) for m in ys], [100 * (m.value - m.low) for m in ys], colour),
    }


def _bars(up: list[float], down: list[float], colour: str) -> dict:
    return {"array": up, "arrayminus": down, "color": colour, "thickness": 1, "width": 3, "symmetric": False}


def _hover(point: Point, metric: str) -> str:
    x, y = point.xy(metric)
    lines = [f"<b>{point.name or words.recipe(point.recipe)}</b>"]
    for measurement in (y, x):
        band = words.interval(measurement)
        title = METRICS[measurement.metric].title
        lines.append(f"{title}: {words.measured(measurement)}" + (f" ({band})" if band else ""))
    return "<br>".join(lines)


def _axes(figure: go.Figure, points: list[Point], metric: str, selected: str | None) -> None:
    values = [p.measurements[metric].value for p in points] or [1.0]
    low, high = min(values) / 1.35, max(values) * 1.35
    ticks = round_values(low, high)
    figure.update_xaxes(
        type="log", range=[math.log10(low), math.log10(high)], tickvals=ticks,
        ticktext=[words.number(metric, tick) for tick in ticks], title=METRICS[metric].title, zeroline=False,
    )  # fmt: skip
    bottom, top = view([(p.id, p.measurements["accuracy"]) for p in points], selected)
    hidden = sum(100 * p.measurements["accuracy"].value < bottom for p in points)
    figure.update_yaxes(range=[bottom, top], ticksuffix=" %", title="Accuracy", zeroline=False)
    if hidden:
        figure.add_annotation(
            text=f"{hidden} more below: zoom out to see", showarrow=False, xref="paper", yref="paper", x=0, y=0,
            xanchor="left", yanchor="bottom", xshift=6, yshift=4, font={"size": 12},
        )  # fmt: skip
    figure.update_layout(
        height=HEIGHT, margin={"l": 8, "r": 8, "t": 8, "b": 8}, dragmode=False, hovermode="closest",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "itemclick": False},
        hoverlabel={"align": "left"},
    )  # fmt: skip


def view(accuracies: list[tuple[str, Measurement]], selected: str | None) -> tuple[float, float]:
    """The stretch of accuracy to open on, in percent: the best few points, and the selected one wherever it is."""
    if not accuracies:
        return 0.0, 100.0
    top = max(100 * m.high for _, m in accuracies)
    floor = max(100 * m.value for _, m in accuracies) - VIEW_POINTS
    seen = [100 * m.low for id_, m in accuracies if 100 * m.value >= floor or id_ == selected]
    margin = max(0.5, 0.08 * (top - min(seen)))
    return min(seen) - margin, min(top + margin, 100.5)


def round_values(low: float, high: float) -> list[float]:
    """Ticks of a logarithmic axis: 1, 2, 5, 10, … between two values; every one to ten if those are too few."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8)):
        ticks = [step * 10.0**decade for decade in decades for step in steps if low <= step * 10.0**decade <= high]
        if len(ticks) >= 3:
            break
    return ticks[:: math.ceil(len(ticks) / 7)] if ticks else []


def _shade(figure: go.Figure, metric: str, budget: Budget, base: float | None) -> None:
    """Tint what is outside the budget, and draw its edge where the view reaches it."""
    x_low, x_high = (10**edge for edge in figure.layout.xaxis.range)
    bottom, top = figure.layout.yaxis.range
    worst = getattr(budget, metric)
    edge = {"color": SHADE.replace("0.09", "0.75"), "width": 1, "dash": "dot"}
    if worst < x_high:
        figure.add_shape(
            type="rect", x0=max(worst, x_low), x1=x_high, y0=bottom, y1=top,
            fillcolor=SHADE, line_width=0, layer="below",
        )  # fmt: skip
        if worst > x_low:
            figure.add_shape(type="line", x0=worst, x1=worst, y0=bottom, y1=top, line=edge, layer="below")
    least = None if base is None else 100 * base - budget.accuracy_drop
    if least is not None and least > bottom:
        right = min(worst, x_high) if worst > x_low else x_low
        figure.add_shape(
            type="rect", x0=x_low, x1=right, y0=bottom, y1=min(least, top),
            fillcolor=SHADE, line_width=0, layer="below",
        )  # fmt: skip
        if least < top:
            figure.add_shape(type="line", x0=x_low, x1=x_high, y0=least, y1=least, line=edge, layer="below")
