"""What each step of a recipe did, as a waterfall for every metric; every bar is a file to download."""

import plotly.graph_objects as go
import streamlit as st

from edgekit.core.errors import EdgeKitError
from edgekit.core.measurement import METRICS, QUALITIES
from edgekit.core.run import Run, Step
from edgekit.show import words
from edgekit.store.store import Store

SHOWN = ("size_bytes", "latency_ms", *QUALITIES, "peak_memory_bytes")
BETTER, WORSE, WHOLE = "#0E9384", "#D9730D", "#6B7280"
HEIGHT = 260


def draw(run: Run, store: Store) -> None:
    """A chart for each metric, then the files."""
    if not run.steps:
        st.caption("Turn on “Measure each step” beside the controls to see what every step of a recipe did.")
        return
    with st.grid("auto", min_column_width=260, gap="small"):
        for metric in (name for name in SHOWN if name not in QUALITIES or name in run.baseline_measurements):
            with st.container():
                figure = waterfall(run, metric)
                low = figure.layout.yaxis.range[0]
                cut = f" :small[:gray[the axis starts at {low:.0f} %]]" if low else ""
                st.markdown(f"**{METRICS[metric].title}**{cut}")
                st.plotly_chart(
                    figure, key=f"steps-{metric}", config={"displayModeBar": False},
                    alt=f"{METRICS[metric].title} after every step",
                )  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        for step in run.steps:
            _download(run, step, store)


def labels(run: Run) -> list[str]:
    """The original, then every step with its number."""
    return ["original"] + [f"{step.index}. {step.technique.replace('_', ' ')}" for step in run.steps]


def waterfall(run: Run, metric: str) -> go.Figure:
    """The original as a whole bar, then a floating bar from each value to the next; an unknown number is a gap."""
    series = [run.baseline_measurements.get(metric)] + [step.measurements.get(metric) for step in run.steps]
    scale = 100 if metric in QUALITIES else 1
    values = [None if found is None else scale * found.value for found in series]
    bottoms, heights, colours, last = [], [], [], None
    for value in values:
        low, high = (0.0, value or 0.0) if last is None else sorted((last, value if value is not None else last))
        bottoms.append(low)
        heights.append(high - low)
        colours.append(WHOLE if last is None else _colour(metric, last, value))
        last = value if value is not None else last
    figure = go.Figure(
        go.Bar(
            x=labels(run),
            y=heights,
            base=bottoms,
            marker={"color": colours},
            text=[words.measured(m) for m in series],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{x}: %{text}<extra></extra>",
        )  # fmt: skip
    )
    known = [value for value in values if value is not None]
    top = 1.18 * max(known, default=1.0)
    low = min(known, default=0.0) - 2 if metric in QUALITIES else 0.0
    top = max(known, default=100.0) + 1 if metric in QUALITIES else top
    figure.update_yaxes(visible=False, range=[max(low, 0.0), top])
    figure.update_xaxes(title=None, tickangle=0)
    figure.update_layout(height=HEIGHT, margin={"l": 4, "r": 4, "t": 16, "b": 4}, showlegend=False, dragmode=False)
    return figure


def _colour(metric: str, before: float, after: float | None) -> str:
    if after is None or after == before:
        return WHOLE
    return BETTER if (after > before) == METRICS[metric].more_is_better else WORSE


def _download(run: Run, step: Step, store: Store) -> None:
    name = f"{run.model}-step{step.index}-{step.technique}-{step.artifact.sha256[:8]}.onnx"
    try:
        path = store.file(step.artifact.sha256)
    except EdgeKitError as error:
        st.caption(str(error))
        return
    st.download_button(
        f"After step {step.index} ({words.size(step.artifact.bytes)})", path.read_bytes(), name, on_click="ignore",
        mime="application/octet-stream", icon=":material/download:", key=f"download-step{step.index}",
    )  # fmt: skip
