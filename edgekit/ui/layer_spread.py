"""How the numbers of a layer are spread before and after, with the quantizer's grid; and signal to noise."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from edgekit.measure.noise import sqnr_db
from edgekit.show import words

if TYPE_CHECKING:
    from edgekit.artifacts.grids import Grid, Held
    from edgekit.measure.layer_values import LayerOutputs

BEFORE, AFTER, GRID = "#7A8594", "#2F7DE1", "#D9730D"
HEIGHT, BINS, MOST_LINES, PER_STEP = 300, 80, 40, 5
KEPT = 2  # files, whose weights may take much memory
PLAIN = {"displayModeBar": False}
BEST = 60.0  # dB that a bar can show; above that nothing that matters has moved
ALL, ONE = "All channels", "One channel"


def weights(base: Path, ours: Path) -> None:
    """A layer's weights in both files; in steps of its grid where each channel has one, or of one channel."""
    with st.spinner("Reading both files"):
        before, after = _held(base), _held(ours)
    names = [name for name in after if name in before]
    if not names:
        st.caption("No layer has the same name in both files.")
        return
    name = st.selectbox("Layer", names, key="spread_layer", width=280)
    old, new = before[name], after[name]
    if old.values.shape != new.values.shape:
        st.caption(f"{name} had the shape {_shape(old)} and has {_shape(new)}: other weights, not the same ones moved.")
    scope = ALL
    if new.grid is not None:
        scope = st.segmented_control("Which weights", [ALL, ONE], default=ALL, required=True, key="spread_scope")
    channel = 0
    if scope == ONE:
        most = min(old.channels, new.channels) - 1
        channel = st.number_input("Output channel", 0, most, 0, key=f"spread_channel-{name}", width=160)
    drawn, caption = weight_figure(old, new, scope == ONE, channel)
    st.plotly_chart(drawn, key="weight-spread", config=PLAIN, alt=f"Weights of {name} before and after")
    st.caption(caption)


def weight_figure(old: Held, new: Held, one: bool, channel: int) -> tuple[go.Figure, str]:
    """Histograms of both, the grid as lines, and a sentence about it."""
    same, grid = old.values.shape == new.values.shape, new.grid
    ratio = f" Signal to noise: {decibels(sqnr_db(old.values, new.values))}." if same else ""
    if one:
        title = f"Weights of output channel {channel}"
        levels = None if grid is None else grid.levels(channel)
        told = "" if levels is None else f"{len(levels)} values are allowed in this channel; "
        kept = len(np.unique(new.of_channel(channel)))
        drawn = spread(old.of_channel(channel), new.of_channel(channel), levels, title)
        return drawn, f"{told}the file uses {kept} here.{ratio}".capitalize()
    if grid is not None and grid.even and same:
        levels = np.arange(grid.first, grid.last + 1).astype(np.float32)
        drawn = spread(new.in_steps(old.values), new.in_steps(new.values), levels, "In steps of each channel's grid")
        text = f"Each channel has a step of its own; in units of it, the file holds whole numbers: {len(levels)} codes"
        return drawn, f"{text} from {grid.first} to {grid.last}.".replace("-", words.MINUS) + ratio
    return spread(old.values, new.values, None, "Weights"), f"{_why_no_grid(grid)}{ratio}"


def activations(found: Sequence[LayerOutputs]) -> None:
    """What a layer puts out in both files, with the codes that it is put on."""
    one = _chosen(found)
    levels = None if one.grid is None else one.grid.levels()
    drawn = spread(one.before, one.after, levels, f"What {one.layer} puts out")
    st.plotly_chart(drawn, key="output-spread", config=PLAIN, alt=f"Outputs of {one.layer} before and after")
    if levels is None:
        st.caption("These outputs stay floats: no grid.")
    else:
        cut = float(((one.before < levels[0]) | (one.before > levels[-1])).mean())
        first, last, step = map(words.significant, (float(levels[0]), float(levels[-1]), float(one.grid.scale[0, 0])))
        st.caption(
            f"{len(levels)} codes from {first} to {last}, {step} apart. {words.percent(cut)} of the values lie outside "
            "and are moved to its ends; a ReLU that follows needs nothing below zero."
        )


def noise(found: Sequence[LayerOutputs]) -> None:
    """Signal to noise of what every layer puts out, in the order of the network."""
    st.plotly_chart(noise_figure(found), key="layer-noise", config=PLAIN, alt="Signal to noise of every layer, in dB")
    st.caption(
        "Signal over noise of what each layer puts out, against the original on the same samples; 6 dB more are one "
        "bit more. What went wrong in earlier layers counts in later ones: a sudden fall shows the layer that hurts."
    )
    if lost := [one.layer for one in found if one.sqnr_db is None]:
        st.caption(f"Of another shape than before, so not comparable: {', '.join(lost)}.")


def noise_figure(found: Sequence[LayerOutputs]) -> go.Figure:
    """A bar for each layer that can be compared."""
    known = [one for one in found if one.sqnr_db is not None]
    drawn = go.Figure(
        go.Bar(
            y=[one.layer for one in known], x=[max(0.0, min(one.sqnr_db, BEST)) for one in known], orientation="h",
            text=[decibels(one.sqnr_db) for one in known], textposition="outside", cliponaxis=False,
            marker={"color": AFTER}, hovertemplate="%{y}: %{text}<extra></extra>",
        )
    )  # fmt: skip
    drawn.update_yaxes(categoryorder="array", categoryarray=[one.layer for one in known][::-1], ticklabelstandoff=6)
    drawn.update_xaxes(range=[0, 1.2 * BEST], ticksuffix=" dB", nticks=5)
    drawn.update_layout(
        height=60 + 26 * len(known), margin={"l": 8, "r": 8, "t": 8, "b": 8}, showlegend=False, dragmode=False
    )
    return drawn


def spread(before: np.ndarray, after: np.ndarray, levels: np.ndarray | None, title: str) -> go.Figure:
    """Two histograms over the same bins, as shares, and the allowed values: as lines where there are few of them."""
    before, after = before.reshape(-1), after.reshape(-1)
    low, high = float(min(before.min(), after.min())), float(max(before.max(), after.max()))
    edges = _bins(low, high if high > low else low + 1.0, levels)
    middles = (edges[1:] + edges[:-1]) / 2
    drawn = go.Figure()
    for name, values, colour in (("Before", before, BEFORE), ("After", after, AFTER)):
        shares = np.histogram(values, edges)[0] / values.size
        drawn.add_bar(
            x=middles, y=100 * shares, name=name, marker={"color": colour, "opacity": 0.55 if name == "After" else 0.6},
            hovertemplate=f"{name}: %{{y:.2f}} %<br>near %{{x:.4g}}<extra></extra>",
        )  # fmt: skip
    if levels is not None:
        _grid(drawn, levels[(levels >= edges[0] - 1e-9) & (levels <= edges[-1] + 1e-9)])
    drawn.update_xaxes(title=title, zeroline=False, range=[edges[0], edges[-1]])
    drawn.update_yaxes(ticksuffix=" %", rangemode="tozero", zeroline=False, title=None)
    drawn.update_layout(
        height=HEIGHT, barmode="overlay", bargap=0, dragmode=False, margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
    )  # fmt: skip
    return drawn


def decibels(value: float | None) -> str:
    """ "21.3 dB"; in words where nothing moved or nothing can be compared."""
    if value is None:
        return "not comparable"
    return "nothing moved" if math.isinf(value) and value > 0 else f"{value:.1f} dB".replace("-", words.MINUS)


def _bins(low: float, high: float, levels: np.ndarray | None) -> np.ndarray:
    """Edges of bins; where a few evenly spaced values are allowed, each of them lies in the middle of one."""
    if levels is None or not 1 < len(levels) <= MOST_LINES or np.ptp(np.diff(levels)) > 1e-3 * np.diff(levels).max():
        return np.linspace(low, high, BINS + 1)
    step = float(levels[1] - levels[0]) / PER_STEP
    first, last = math.floor((low - levels[0]) / step), math.ceil((high - levels[0]) / step)
    return float(levels[0]) + step * (np.arange(first, last + 2) - 0.5)


def _grid(drawn: go.Figure, levels: np.ndarray) -> None:
    """Every allowed value as a tick on the axis; few of them as lines through the picture as well."""
    thickness = 1.5 if len(levels) <= MOST_LINES else 1
    drawn.add_scatter(
        x=levels, y=np.zeros(len(levels)), mode="markers", name="Grid", cliponaxis=False,
        marker={"symbol": "line-ns", "size": 12, "line": {"color": GRID, "width": thickness}},
        hovertemplate="allowed: %{x:.4g}<extra></extra>",
    )  # fmt: skip
    if len(levels) <= MOST_LINES:
        for level in levels:
            drawn.add_vline(float(level), line={"color": GRID, "width": 1, "dash": "dot"}, layer="below")


def _chosen(found: Sequence[LayerOutputs]) -> LayerOutputs:
    by_name = {one.layer: one for one in found}
    name = st.selectbox("Layer", list(by_name), key="spread_output_layer", width=280)
    return by_name[name]


def _why_no_grid(grid: Grid | None) -> str:
    if grid is None:
        return "These weights are floats: no grid."
    return "Look at one channel to see its grid."


def _shape(one: Held) -> str:
    return " × ".join(map(str, one.values.shape))


@functools.lru_cache(maxsize=KEPT)
def _held(path: Path) -> Mapping[str, Held]:
    from edgekit.artifacts.grids import held

    return held(path)
