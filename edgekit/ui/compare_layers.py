"""The layers of the compared runs as bars on one scale: where the bytes, the work and the zeros are."""

from collections.abc import Callable, Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from edgekit.show import words
from edgekit.ui.compare_pick import Contender

BAR, GAP = 15, 14  # pixels


VIEWS: dict[str, tuple[Callable[[dict[str, Any]], float | None], Callable[[float], str]]] = {
    "Weights (bytes)": (lambda row: row["weight_bits"] / 8, words.size),
    "Bits a weight": (lambda row: row["bits"], words.significant),
    "Parameters": (lambda row: row["params"], words.count),
    "Multiply-accumulates": (lambda row: row["macs"], words.count),
    "Zeros": (lambda row: row["zeros"], words.percent),
}


def layers(everyone: Sequence[Contender]) -> None:
    """A choice of what the bars show, and the bars."""
    known = [one for one in everyone if one.run.layers]
    if not known:
        st.caption("These runs keep no layer table.")
        return
    view = st.segmented_control(
        "What the bars show", list(VIEWS), default=next(iter(VIEWS)), required=True, wrap=True, key="compare_layers"
    )
    st.plotly_chart(
        bars(known, view), key="compare-layer-bars", config={"displayModeBar": False}, alt=f"{view} of each layer"
    )


def bars(everyone: Sequence[Contender], view: str) -> go.Figure:
    """Horizontal bars in groups, a group a layer, in the order of the network; a layer that a run lacks has no bar."""
    value, text = VIEWS[view]
    weighted = [{row["layer"]: row for row in one.run.layers if row["shape"]} for one in everyone]  # not pooling, …
    names = list(dict.fromkeys(name for rows in weighted for name in rows))
    figure = go.Figure()
    for one, rows in zip(everyone, weighted, strict=True):
        here = [name for name in names if name in rows and value(rows[name]) is not None]
        values = [value(rows[name]) for name in here]
        figure.add_bar(
            y=here, x=values, orientation="h", name=one.letter, marker_color=one.colour, text=[text(v) for v in values],
            textposition="outside", cliponaxis=False, textfont_size=11,
            hovertemplate=f"<b>{one.letter}</b> %{{y}}: %{{text}}<extra></extra>",
        )  # fmt: skip
    figure.update_yaxes(categoryorder="array", categoryarray=names[::-1], ticklabelstandoff=6)
    most = max((max(trace.x, default=0) for trace in figure.data), default=0)
    figure.update_xaxes(range=[0, 1.15 * most or 1], showticklabels=False, zeroline=False)
    figure.update_layout(
        height=60 + len(names) * (BAR * len(everyone) + GAP), bargap=0.25, barmode="group", dragmode=False,
        margin={"l": 8, "r": 8, "t": 8, "b": 8}, uniformtext={"minsize": 10, "mode": "show"},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.01, "x": 0, "traceorder": "normal", "itemclick": False},
    )  # fmt: skip
    for trace in figure.data[::-1]:  # bars of a group are drawn upwards; A belongs on top
        trace.offsetgroup = trace.name
    figure.data = figure.data[::-1]
    figure.update_layout(legend_traceorder="reversed")
    return figure
