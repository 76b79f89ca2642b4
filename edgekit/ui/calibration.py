"""How many calibration samples are enough for the selected recipe: its accuracy with 8 to 512 of them."""

from functools import partial

import plotly.graph_objects as go
import streamlit as st

from edgekit.core.measurement import METRICS, Measurement, quality
from edgekit.core.run import Run
from edgekit.search.calibration_curve import SIZES, STEP, Calibrated
from edgekit.show import words
from edgekit.store.store import Store
from edgekit.ui import actions, on_demand, state

HEIGHT = 260
BLUE, GREY = "#2F7DE1", "#6B7280"


def draw(run: Run, store: Store) -> None:
    """A button that measures the sizes, then the curve; nothing to measure without static quantization."""
    if not any(STEP in step for step in run.recipe):
        st.caption("This recipe calibrates nothing. Static quantization sees a few samples to choose its ranges.")
        return
    on_demand.measured(
        "calibration", run, store,
        caption="Static quantization sees a few training samples to choose the range of every activation. How many "
        "does this recipe need?",
        label=f"Measure it with {SIZES[0]} to {SIZES[-1]} samples",
        help="Runs the whole recipe once for each number of samples; every file is kept among the runs.",
        start=partial(actions.calibrate, run=run, store=store, session=state.session()),
        show=partial(_curve, before=quality(run.baseline_measurements)),
    )  # fmt: skip


def figure(points: list[Calibrated], before: Measurement | None) -> go.Figure:
    """Quality over the number of samples, with intervals, and the original's as a line."""
    found = [point.quality for point in points]
    drawn = go.Figure(
        go.Scatter(
            x=[point.samples for point in points], y=[100 * one.value for one in found], mode="lines+markers",
            line={"color": BLUE}, marker={"size": 9}, name="This recipe", showlegend=False,
            error_y={
                "array": [100 * (one.high - one.value) for one in found],
                "arrayminus": [100 * (one.value - one.low) for one in found], "thickness": 1, "width": 3,
            },
            customdata=[words.interval(one) for one in found],
            hovertemplate="%{x} samples: %{y:.2f} %<br>95 %: %{customdata}<extra></extra>",
        )
    )  # fmt: skip
    if before is not None:
        drawn.add_hline(100 * before.value, line={"color": GREY, "dash": "dot"}, annotation_text="the original")
    ticks = [point.samples for point in points]
    drawn.update_xaxes(type="log", tickvals=ticks, ticktext=list(map(str, ticks)), title="Calibration samples")
    drawn.update_yaxes(ticksuffix=" %", title=METRICS[found[0].metric].title)
    drawn.update_layout(height=HEIGHT, margin={"l": 4, "r": 4, "t": 12, "b": 4}, dragmode=False)
    return drawn


def enough(points: list[Calibrated]) -> str:
    """The least number of samples that cannot be told from the most, in a sentence."""
    most = points[-1].quality
    least = next(point for point in points if point.quality.high >= most.low and point.quality.low <= most.high)
    return (
        f"{least.samples} samples give {words.percent(least.quality.value, 2)}, which cannot be told from the "
        f"{words.percent(most.value, 2)} with {points[-1].samples}: their 95 % intervals overlap."
    )


def _curve(points: list[Calibrated], before: Measurement | None) -> None:
    st.plotly_chart(
        figure(points, before), key="calibration-curve", config={"displayModeBar": False},
        alt="Quality over the number of calibration samples",
    )  # fmt: skip
    st.caption(enough(points))
