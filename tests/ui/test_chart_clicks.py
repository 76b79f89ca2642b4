"""A click on a chart is heard once, however often the browser sends it."""

import json

from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.testing.v1 import AppTest


def page() -> None:
    import plotly.graph_objects as go
    import streamlit as st

    from edgekit.ui.chart_clicks import clickable

    heard = st.session_state.setdefault("heard", [])
    colour = "red" if heard[-1:] == ["left"] else "blue"  # so it looks again as before once the other one is chosen
    figure = go.Figure(go.Scatter(x=[1, 2], y=[1, 2], customdata=["left", "right"], marker_color=colour))
    clickable(figure, "chart", heard.append, {}, "Two points")


def shown() -> AppTest:
    return AppTest.from_function(page).run()


def chart(app: AppTest) -> str:
    """The identity of the chart as it is drawn now."""
    (found,) = app.get("plotly_chart")
    return found.proto.id


def sent(app: AppTest, *clicks: tuple[str, str | None]) -> AppTest:
    """A run of the page with what the browser sends: identity of a chart -> the point that was clicked last on it."""
    states = []
    for identity, point in clicks:
        points = [{"customdata": point}] if point else []
        selection = {"points": points, "point_indices": [], "box": [], "lasso": []}
        states.append(WidgetState(id=identity, string_value=json.dumps({"selection": selection})))
    return app._run(WidgetStates(widgets=states))


def test_a_click_on_a_point_is_heard():
    app = shown()
    assert sent(app, (chart(app), "left")).session_state["heard"] == ["left"]


def test_a_click_beside_all_points_changes_nothing():
    app = shown()
    assert sent(app, (chart(app), None)).session_state["heard"] == []


def test_what_was_clicked_before_is_no_new_click():
    app = shown()
    first = chart(app)
    sent(app, (first, "left"))
    second = chart(app)
    sent(app, (first, "left"), (second, "right"))
    sent(app, (first, "left"), (second, "right"))
    sent(app, (second, "right"))
    assert sent(app, (first, "left")).session_state["heard"] == ["left", "right"]


def test_a_point_can_be_clicked_again():
    app = shown()
    for _ in range(3):
        sent(app, (chart(app), "left"))
    assert app.session_state["heard"] == ["left"] * 3
