"""What a person waits for with the selected file: decoding, preparing, running and answering, beside the original."""

from functools import partial

import plotly.graph_objects as go
import streamlit as st

from edgekit.core.run import Run
from edgekit.measure.whole import STEPS, Whole
from edgekit.show import words
from edgekit.store.store import Store
from edgekit.ui import actions, on_demand, state

COLOURS = {"decode": "#6B7280", "prepare": "#D9730D", "run": "#2F7DE1", "answer": "#0E9384"}
HEIGHT = 190


def draw(run: Run, store: Store) -> None:
    """A button that times it, then a bar for the original and one for the file."""
    on_demand.measured(
        "whole", run, store,
        caption="The latency of a point is that of the network alone. An application also decodes a picture or a "
        "sound, scales it, and reads the answer; a person waits for all of it.",
        label="Time the whole way",
        help="Runs 32 test samples from their encoded files to their answers, with the original and with this file.",
        start=partial(actions.time_whole, run=run, store=store, session=state.session()),
        show=_bars,
    )  # fmt: skip


def figure(found: dict[str, Whole]) -> go.Figure:
    """A stacked bar for each file, of the medians of its steps."""
    drawn = go.Figure()
    for step, title in STEPS.items():
        times = [one.steps[step] for one in found.values()]
        drawn.add_bar(
            y=list(found), x=[time.value for time in times], name=title, orientation="h",
            marker={"color": COLOURS[step]}, customdata=[[words.measured(t), words.interval(t)] for t in times],
            hovertemplate="%{y}, " + title.lower() + ": %{customdata[0]}<br>95 %: %{customdata[1]}<extra></extra>",
        )  # fmt: skip
    return stacked(drawn)


def stacked(drawn: go.Figure, title: str = "ms for one sample", height: int = HEIGHT) -> go.Figure:
    """The same bars, part behind part, under one legend."""
    drawn.update_yaxes(autorange="reversed", title=None)
    drawn.update_xaxes(title=title, rangemode="tozero")
    drawn.update_layout(
        barmode="stack", height=height, margin={"l": 4, "r": 4, "t": 8, "b": 4}, dragmode=False,
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "itemclick": False, "traceorder": "normal"},
    )  # fmt: skip
    return drawn


def table(found: dict[str, Whole]) -> dict[str, list[str]]:
    """Every step of every file with its interval, and all together."""
    rows = {"Step": [*STEPS.values(), "All together"]}
    for name, one in found.items():
        times = [*one.steps.values(), one.total_ms]
        rows[name] = [f"{words.measured(time)} :small[:gray[({words.interval(time) or 'exact'})]]" for time in times]
    return rows


def _bars(found: dict[str, Whole]) -> None:
    st.plotly_chart(
        figure(found), key="whole-way", config={"displayModeBar": False}, alt="Time of every step around the network"
    )
    st.table(table(found), width="stretch")
    how = next(iter(found.values())).total_ms.how
    st.caption(f"{how[0].upper()}{how[1:]}. The preprocessing is EdgeKit's own, in Python; on a device it is another.")
