"""Where the time goes before and after: by layer, and by kind of operator. Why 8 bits may not be faster."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import plotly.graph_objects as go
import streamlit as st

from edgekit.core.run import Run
from edgekit.show import words
from edgekit.store.store import Store
from edgekit.ui import actions, on_demand, state
from edgekit.ui.layer_spread import AFTER, BEFORE, PLAIN

if TYPE_CHECKING:
    from edgekit.measure.profile import Profile

BAR, GAP = 14, 12  # pixels
SMALL = 0.02  # share of the time below which kinds of operators are drawn as one
COLOURS = ["#2F7DE1", "#0E9384", "#9A5CD0", "#D9730D", "#DC4A3F", "#12915A", "#B0894F", "#5B6B7F"]
OTHERS = "#7A8594"
MUCH = 0.1  # of the time: worth a word


def draw(run: Run, store: Store) -> None:
    """A button that profiles both files, then the charts."""
    on_demand.measured(
        "layer_times", run, store,
        caption="Runs both files under ONNX Runtime's profiler: the time of each layer and of each kind of operator.",
        label="Time every layer",
        help="Takes a few seconds. The profiler slows small operators down: compare layers with each other.",
        start=lambda path: actions.profile_layers(path, run, store, state.session()),
        show=_shown,
    )  # fmt: skip


def by_layer(found: Mapping[str, Profile]) -> go.Figure:
    """Two bars a layer, in the order of the network; a layer that a file lacks has no bar."""
    names = list(dict.fromkeys(name for one in found.values() for name in one.by_layer()))
    drawn = go.Figure()
    looks = list(zip(found.items(), (BEFORE, AFTER), strict=False))
    for (title, one), colour in looks[::-1]:  # bars of a group are drawn upwards; the original belongs on top
        times = one.by_layer()
        drawn.add_bar(
            y=[name for name in names if times.get(name)], x=[times[name] for name in names if times.get(name)],
            orientation="h", name=title, marker_color=colour,
            text=[words.milliseconds(times[name]) for name in names if times.get(name)], textposition="outside",
            cliponaxis=False, textfont_size=11, hovertemplate=f"{title}, %{{y}}: %{{text}}<extra></extra>",
        )  # fmt: skip
    most = max(max(trace.x, default=0.0) for trace in drawn.data)
    drawn.update_xaxes(range=[0, 1.2 * most or 1], showticklabels=False, zeroline=False)
    drawn.update_yaxes(categoryorder="array", categoryarray=names[::-1], ticklabelstandoff=6)
    drawn.update_layout(
        height=60 + len(names) * (len(found) * BAR + GAP), barmode="group", bargap=0.25, dragmode=False,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={
            "orientation": "h", "yanchor": "bottom", "y": 1.01, "x": 0, "itemclick": False, "traceorder": "reversed",
        },
    )  # fmt: skip
    return drawn


def by_kind(one: Profile, colours: Mapping[str, str]) -> go.Figure:
    """The share of each kind of operator; those with hardly any are one slice."""
    times = one.by_kind()
    whole = sum(times.values()) or 1.0
    large = {kind: time for kind, time in times.items() if time / whole >= SMALL}
    rest = whole - sum(large.values())
    slices = large | ({"others": rest} if rest > 1e-9 * whole else {})
    drawn = go.Figure(
        go.Pie(
            labels=list(slices), values=list(slices.values()), hole=0.5, sort=False, direction="clockwise",
            marker={"colors": [colours.get(family(kind), OTHERS) for kind in slices]}, textinfo="percent",
            textposition="inside", textfont={"color": "#FFFFFF"},
            hovertemplate="%{label}: %{value:.4f} ms, %{percent}<extra></extra>",
        )
    )  # fmt: skip
    drawn.update_layout(
        height=300, margin={"l": 8, "r": 8, "t": 8, "b": 8}, uniformtext={"minsize": 10, "mode": "hide"},
        legend={"orientation": "h", "yanchor": "top", "y": -0.02, "x": 0, "itemclick": False},
    )  # fmt: skip
    return drawn


def shares(found: Mapping[str, Profile]) -> list[str]:
    """What goes into conversions and changes of layout, a sentence a file; and what that means, if it is much."""
    lines = [
        f"**{title}**: {words.percent(one.converting)} of the time converts between floats and integers, "
        f"{words.percent(one.reordering)} changes the layout of tensors."
        for title, one in found.items()
    ]
    last = list(found.values())[-1]
    if last.converting > MUCH:
        lines.append("So integers are not as fast as they could be: fewer, larger layers would convert less.")
    return lines


def colours(found: Mapping[str, Profile]) -> dict[str, str]:
    """The same colour for a family in both files: those with the most time first."""
    times: dict[str, float] = {}
    for one in found.values():
        for kind, time in one.by_kind().items():
            times[family(kind)] = times.get(family(kind), 0.0) + time
    return dict(zip(sorted(times, key=times.__getitem__, reverse=True), COLOURS, strict=False))


def family(kind: str) -> str:
    """What an operator does, whatever it computes with: QLinearConv, FusedConv and Conv are all Conv."""
    return re.sub(r"^(QLinear|Fused|Nhwc|Q(?=[A-Z]))", "", kind).removesuffix("Integer")


def _shown(found: Mapping[str, Profile]) -> None:
    st.plotly_chart(by_layer(found), key="layer-times", config=PLAIN, alt="Milliseconds of every layer in both files")
    looks = colours(found)
    with st.grid("auto", min_column_width=280, gap="small"):
        for number, (title, one) in enumerate(found.items()):
            with st.container():
                st.markdown(f"**{title}**: {words.milliseconds(sum(one.by_kind().values()))} under the profiler")
                st.plotly_chart(
                    by_kind(one, looks), key=f"layer-kinds-{number}", config=PLAIN,
                    alt=f"Share of each kind of operator, {title}",
                )  # fmt: skip
    for line in shares(found):
        st.markdown(line)
