"""Of a network that compares people: how many right pairs a threshold lets in, against how many wrong ones."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from edgekit.core.errors import EdgeKitError
from edgekit.core.run import Run
from edgekit.search.answers import answers
from edgekit.show import words
from edgekit.store.store import Store
from edgekit.tasks.verification import Pairs, pairs

HEIGHT = 340
BLUE, GREY = "#2F7DE1", "#6B7280"
LEAST = 1e-3  # share of wrong pairs at which the axis begins


def draw(run: Run, store: Store) -> None:
    """The curve of the selected file beside the original's, and what the chosen threshold means."""
    files = {"This file": run} | ({"Original": store.get(run.baseline)} if run.baseline else {})
    try:
        with st.spinner("Comparing all pairs"):
            found = {name: _pairs(one, store) for name, one in files.items()}
    except EdgeKitError as error:
        st.info(f"The curve cannot be drawn: {error}", icon=":material/show_chart:")
        return
    st.plotly_chart(
        figure(found), key="roc", config={"displayModeBar": False}, alt="Right pairs let in over wrong pairs let in"
    )
    rates = ", ".join(f"{name.lower()} {words.percent(one.equal_error)}" for name, one in found.items())
    st.caption(f"Both errors are equal where a curve crosses the dotted line: {rates}.")
    if chosen := run.measurements.get("tar_at_far1"):
        st.caption(f"Right pairs let in: {words.percent(chosen.value)}, of {chosen.how}.")


def figure(found: dict[str, Pairs]) -> go.Figure:
    """One curve a file, from a thousandth of wrong pairs on, and the line where both errors are equal."""
    drawn = go.Figure()
    for (name, one), colour in zip(found.items(), (BLUE, GREY), strict=False):
        thresholds, wrong, right = one.roc()
        drawn.add_scatter(
            x=np.maximum(wrong, LEAST), y=100 * right, name=name, mode="lines", line={"color": colour, "shape": "hv"},
            customdata=thresholds, hovertemplate="%{y:.1f} % right, %{x:.2%} wrong; threshold %{customdata:.3f}",
        )  # fmt: skip
    equal = np.geomspace(LEAST, 1, 50)
    drawn.add_scatter(
        x=equal, y=100 * (1 - equal), name="Equal errors", mode="lines", line={"color": GREY, "dash": "dot"},
        hoverinfo="skip",
    )  # fmt: skip
    ticks = [0.001, 0.01, 0.1, 1]
    drawn.update_xaxes(type="log", tickvals=ticks, tickformat=".1~%", title="Pairs of two people let in")
    drawn.update_yaxes(ticksuffix=" %", range=[0, 101], title="Pairs of one person let in")
    drawn.update_layout(height=HEIGHT, margin={"l": 4, "r": 4, "t": 12, "b": 4}, dragmode=False)
    return drawn


def _pairs(run: Run, store: Store) -> Pairs:
    samples, outputs = answers(run, store)
    return pairs(outputs, samples.labels)
