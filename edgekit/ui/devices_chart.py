"""A line for every device: what is estimated, hollow with its band; what was measured on a real board, solid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from edgekit.core.measurement import Measurement
from edgekit.core.run import Run
from edgekit.show import words
from edgekit.show.charts import GREY, SHADE, round_values

if TYPE_CHECKING:
    from edgekit.devices.estimate import Estimate

OURS, BOARD = "#2F7DE1", "#0E9384"
LINE_HEIGHT, REST = 30, 120
HERE = "This computer"


def figure(
    run: Run, before: Sequence[Estimate], after: Sequence[Estimate], limit: tuple[str, float] | None = None
) -> go.Figure:
    """Milliseconds on a logarithmic axis.

    Args:
        run: its own latency and those of its boards are drawn solid.
        before, after: of the original and the file, device by device; those without a time are left out.
        limit: a device's name and the most milliseconds there; what is beyond is shaded.
    """
    known = [(old, new) for old, new in zip(before, after, strict=True) if new.latency_ms]
    drawn = go.Figure()
    if any(new.latency_ms != old.latency_ms for old, new in known):
        old = [(short(one.device.name), one.latency_ms) for one, _ in known if one.latency_ms]
        _points(drawn, old, "Original, estimated", GREY, "star-open")
    _points(
        drawn,
        [(short(one.device.name), one.latency_ms) for _, one in known],
        "This file, estimated",
        OURS,
        "circle-open",
    )
    names = {one.device.id: short(one.device.name) for one in after}
    solid = [(names.get(board.device, board.board), board) for board in run.boards]
    _points(drawn, [(line, b.latency) for line, b in solid], "Measured on a real device", BOARD, "diamond",
            [b.board for _, b in solid])  # fmt: skip
    if here := run.measurements.get("latency_ms"):
        _points(drawn, [(HERE, here)], "Measured here", OURS, "circle")
    if limit:
        drawn.add_scatter(
            x=[limit[1]], y=[short(limit[0])], mode="markers", name="Budget",
            hovertemplate="at most %{x:.3~g} ms<extra></extra>",
            marker={"symbol": "line-ns-open", "size": 20, "color": "#DC4A3F", "line": {"width": 3}},
        )  # fmt: skip
    lines = list(dict.fromkeys([*(short(new.device.name) for _, new in known), *(line for line, _ in solid), HERE]))
    values = [m for trace in drawn.data for m in trace.x]
    if limit:
        place = lines[::-1].index(short(limit[0])) if short(limit[0]) in lines else None
        if place is not None:
            drawn.add_shape(
                type="rect", x0=limit[1], x1=max(values) * 10, y0=place - 0.5, y1=place + 0.5, fillcolor=SHADE,
                line_width=0, layer="below",
            )  # fmt: skip
    ticks = round_values(min(values) / 2, max(values) * 2) if values else []
    drawn.update_xaxes(
        type="log", title="Latency (ms)", tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks], zeroline=False
    )
    drawn.update_yaxes(categoryorder="array", categoryarray=lines[::-1], title=None)
    drawn.update_layout(
        height=REST + LINE_HEIGHT * len(lines), margin={"l": 8, "r": 8, "t": 8, "b": 8}, dragmode=False,
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.01, "x": 0, "itemclick": False},
        hoverlabel={"align": "left"},
    )  # fmt: skip
    return drawn


def short(name: str) -> str:
    """A device's name without its maker's remarks: labels share the width with the points."""
    plain = name.split(" (")[0].split(",")[0]
    return plain.removeprefix("Qualcomm ").removeprefix("NVIDIA ").removeprefix("Google ").removeprefix("Apple ")


def _points(
    drawn: go.Figure, points: Sequence[tuple[str, Measurement]], name: str, colour: str, symbol: str,
    called: Sequence[str] | None = None,
) -> None:  # fmt: skip
    if not points:
        return
    found = [m for _, m in points]
    drawn.add_scatter(
        x=[m.value for m in found], y=[line for line, _ in points], mode="markers", name=name,
        marker={"color": colour, "symbol": symbol, "size": 12, "line": {"width": 2}},
        error_x={
            "array": [m.high - m.value for m in found], "arrayminus": [m.value - m.low for m in found],
            "symmetric": False, "color": colour, "thickness": 1.2, "width": 4,
        },
        customdata=[
            [called[n] if called else m.device or line, words.measured(m), words.interval(m), m.how]
            for n, (line, m) in enumerate(points)
        ],
        hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]} (%{customdata[2]})<br>%{customdata[3]}"
        f"<extra>{name}</extra>",
    )  # fmt: skip
