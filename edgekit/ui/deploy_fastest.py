"""Fastest here: every installed runtime on one network, ranked, and on a chart with a point each."""

from __future__ import annotations

import math

import plotly.graph_objects as go
import streamlit as st

from edgekit.core.run import Run
from edgekit.export.fastest import Place, Ranked, known_ranking
from edgekit.export.formats import formats
from edgekit.show import words
from edgekit.show.charts import CONFIG
from edgekit.ui import actions, jobs_view, state

GOOD, BAD = "#2F7DE1", "#DC4A3F"
ROW = 34  # pixels


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
    rows = [_row(number, place) for number, place in enumerate(found.places, 1)]
    st.dataframe(rows, hide_index=True, key="ranks")
    st.plotly_chart(chart(found), key="runtimes", config=CONFIG, alt=f"Latency in {len(found.places)} runtimes")
    for title, why in found.left_out.items():
        st.caption(f"{title} is left out: {words.plain(why)}")


def chart(found: Ranked) -> go.Figure:
    """A point for each runtime, the fastest on top; those that answer otherwise in red, with another shape."""
    drawn = go.Figure()
    looks = ((True, "Answers as the ONNX file", GOOD, "circle"), (False, "Answers otherwise", BAD, "x"))
    for holds, title, colour, symbol in looks:
        places = [place for place in found.places if place.holds is holds]
        times = [place.latency for place in places]
        drawn.add_scatter(
            x=[time.value for time in times], y=[_title(place) for place in places], mode="markers+text", name=title,
            text=[words.measured(time) for time in times], textposition="middle right", cliponaxis=False,
            marker={"color": colour, "symbol": symbol, "size": 11}, showlegend=bool(places),
            error_x={
                "type": "data", "symmetric": False, "thickness": 1, "color": colour,
                "array": [time.high - time.value for time in times],
                "arrayminus": [time.value - time.low for time in times],
            },
            customdata=[words.measured(place.quality) for place in places],
            hovertemplate="%{y}: %{text}, %{customdata}<extra></extra>",
        )  # fmt: skip
    values = [place.latency.value for place in found.places]
    drawn.update_xaxes(
        type="log", title="Latency (ms, median)", range=[math.log10(min(values) / 1.5), math.log10(max(values) * 3)],
        nticks=6,
    )  # fmt: skip
    drawn.update_yaxes(categoryorder="array", categoryarray=[_title(place) for place in found.places][::-1])
    drawn.update_layout(
        height=120 + ROW * len(values), dragmode=False, margin={"l": 8, "r": 8, "t": 32, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "itemclick": False},
    )  # fmt: skip
    return drawn


def _title(place: Place) -> str:
    return formats()[place.format].title


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
        "Format": _title(place),
        "Latency": words.measured(place.latency),
        "Of ONNX Runtime's": f"{place.ratio.value:.2f}× ({place.ratio.low:.2f} to {place.ratio.high:.2f})",
        "Quality": words.measured(place.quality),
        "Other answers": place.disagreements,
        "Size": words.size(place.size_bytes),
        "Runtime": place.runtime,
        "Made": "from floats again" if place.again else "of the file itself",
    }


def _start(run_id: str) -> None:
    state.watch(actions.rank(run_id, state.session()).id)
