"""Fastest here: every installed runtime on one network, ranked, and on a chart with a point each."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from edgekit.core.run import Run
from edgekit.export.fastest import Place, Ranked, known_ranking
from edgekit.ui import actions, jobs_view, state, words
from edgekit.ui.charts import CONFIG

GOOD, BAD = "#2F7DE1", "#DC4A3F"
HEIGHT = 320


def draw(run: Run) -> None:
    """The button, and the latest ranking."""
    found = known_ranking(run.id)
    st.caption(
        "Makes the file for every runtime whose tools are here, and runs them by turns in processes of their own, one "
        "sample and one thread at a time."
    )
    st.button(
        "Rank again" if found else "Find the fastest", icon=":material/sports_score:", key="fastest",
        on_click=_start, args=(run.id,), disabled=jobs_view.active(state.job()),
    )  # fmt: skip
    if found is None:
        return
    st.markdown(_winner(found))
    left, right = st.columns(2, gap="medium")
    with left:
        st.dataframe(
            [_row(number, place) for number, place in enumerate(found.places, 1)], hide_index=True, key="ranks"
        )
    with right:
        st.plotly_chart(
            chart(found), key="runtimes", config=CONFIG, alt=f"Quality and latency in {len(found.places)} runtimes"
        )
    for title, why in found.left_out.items():
        st.caption(f"{title} is left out: {words.plain(why)}")


def chart(found: Ranked) -> go.Figure:
    """Quality against latency, a point for each runtime; those that answer otherwise in red, with another shape."""
    drawn = go.Figure()
    for holds, title, colour, symbol in (
        (True, "Answers as the ONNX file", GOOD, "circle"), (False, "Answers otherwise", BAD, "x"),
    ):  # fmt: skip
        places = [place for place in found.places if place.holds is holds]
        if not places:
            continue
        drawn.add_scatter(
            x=[place.latency.value for place in places], y=[place.quality.value for place in places],
            mode="markers+text", name=title, text=[place.runtime for place in places], textposition="top center",
            marker={"color": colour, "symbol": symbol, "size": 11}, cliponaxis=False,
            error_x={
                "type": "data", "symmetric": False, "thickness": 1,
                "array": [place.latency.high - place.latency.value for place in places],
                "arrayminus": [place.latency.value - place.latency.low for place in places],
            },
            hovertemplate="%{text}: %{x:.4g} ms, %{y:.2%}<extra></extra>",
        )  # fmt: skip
    drawn.update_xaxes(type="log", title="Latency (ms, median)")
    drawn.update_yaxes(tickformat=".1%", title="Quality")
    drawn.update_layout(
        height=HEIGHT, dragmode=False, margin={"l": 8, "r": 8, "t": 32, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
    )  # fmt: skip
    return drawn


def _winner(found: Ranked) -> str:
    """The fastest of those that answer as the file does."""
    best = next((place for place in found.places if place.holds), None)
    if best is None:
        return "No runtime answers as the ONNX file does."
    if best.format in ("onnx", "ort"):
        return f"**{best.runtime}** is the fastest here, at {words.measured(best.latency)} a sample."
    if best.ratio.low <= 1 <= best.ratio.high:
        return f"**{best.runtime}** and ONNX Runtime tie here, at {words.measured(best.latency)} a sample."
    how = words.times(best.ratio.value, "faster", "slower")
    return f"**{best.runtime}** is the fastest here: {words.measured(best.latency)} a sample, {how} than ONNX Runtime."


def _row(number: int, place: Place) -> dict[str, str | int]:
    return {
        "": number,
        "Runtime": place.runtime,
        "Latency": words.measured(place.latency),
        "Of ONNX Runtime's": f"{place.ratio.value:.2f}× ({place.ratio.low:.2f} to {place.ratio.high:.2f})",
        "Quality": words.measured(place.quality),
        "Other answers": place.disagreements,
        "Size": words.size(place.size_bytes),
        "Made": "from floats again" if place.again else "of the file itself",
    }


def _start(run_id: str) -> None:
    state.watch(actions.rank(run_id, state.session()).id)
