"""Charts on which a click chooses something."""

from collections.abc import Callable
from typing import Any

import plotly.graph_objects as go
import streamlit as st


def clickable(figure: go.Figure, name: str, chosen: Callable[[Any], None], config: dict[str, Any], alt: str) -> None:
    """Draw a chart on which each click on a point is heard once; a click beside all points changes nothing.

    The browser goes on sending what was clicked last, also with the runs that a timer starts, and a chart that looks
    again as it did before has the identity of then. So a chart gets a key of its own after each click: an outdated
    click is told from a new one, and the same point can be clicked again.

    Args:
        figure: what to draw; a point that can be clicked has `customdata`.
        name: of the chart, unique on its page.
        chosen: told the `customdata` of the point that was clicked.
        config: of Plotly.
        alt: what the chart shows, in words.
    """
    clicks: dict[str, int] = st.session_state.setdefault("chart_clicks", {})  # name of a chart -> clicks so far
    before = clicks.get(name, 0)
    key = f"{name}-{before}"

    def clicked() -> None:
        points = st.session_state[key].selection.points if clicks.get(name, 0) == before else []
        if points and (found := points[0].get("customdata")):
            clicks[name] = before + 1
            chosen(found)

    with st.container(key=name):
        st.plotly_chart(figure, key=key, on_select=clicked, selection_mode="points", config=config, alt=alt)
