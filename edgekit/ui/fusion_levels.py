"""What operator fusion is worth to the selected file: its time at each level of ONNX Runtime, from none to all."""

import plotly.graph_objects as go
import streamlit as st

from edgekit.core.errors import EdgeKitError
from edgekit.core.run import Run
from edgekit.jobs.jobs import JobStatus, jobs
from edgekit.measure.fusion import FusionRow
from edgekit.store.store import Store
from edgekit.ui import actions, jobs_view, state, words

HEIGHT = 220
COLOURS = {"faster": "#0E9384", "slower": "#D9730D", "tie": "#6B7280"}
WATCHED = "fusion_job"  # in the session state: the sha256 of the file that was timed last, and the id of that job


def draw(run: Run, store: Store) -> None:
    """A button that times the file, then the levels as bars with what runs at each."""
    timed, job_id = st.session_state.get(WATCHED, ("", ""))
    job = jobs().get(job_id) if timed == run.artifact.sha256 else None
    if job is not None and job.status is JobStatus.DONE:
        _levels(job.result)
        return
    st.caption(
        "A runtime fuses operators while it loads a file: batch normalisation into weights, activations into "
        "convolutions. How much of this file's speed comes from that?"
    )
    st.button(
        "Time it with and without fusion", icon=":material/timer:", key="fusion", on_click=_start, args=(run, store),
        disabled=job is not None and job.active,
        help="Runs the same file with ONNX Runtime's fusions off, and at each of its levels.",
    )  # fmt: skip
    if job is not None:
        jobs_view.job_panel(job_id, on_end=lambda ended: None, every=jobs_view.LOOK_OFTEN)


def figure(rows: list[FusionRow]) -> go.Figure:
    """A bar for each level, with its time and its share of the time without fusion."""
    drawn = go.Figure(
        go.Bar(
            y=[row.level for row in rows],
            x=[row.latency_ms.value for row in rows],
            orientation="h",
            marker={"color": [COLOURS[row.speed] for row in rows]},
            text=[_label(place, row) for place, row in enumerate(rows)],
            textposition="outside",
            cliponaxis=False,
            customdata=[words.interval(row.latency_ms) for row in rows],
            hovertemplate="%{y}: %{text}<br>95 %: %{customdata}<extra></extra>",
        )
    )
    drawn.update_yaxes(autorange="reversed", title=None)
    drawn.update_xaxes(visible=False, range=[0, 1.45 * max(row.latency_ms.value for row in rows)])
    drawn.update_layout(height=HEIGHT, margin={"l": 4, "r": 4, "t": 8, "b": 4}, showlegend=False, dragmode=False)
    return drawn


def table(rows: list[FusionRow]) -> dict[str, list[str]]:
    """What each level does, and how many operators run."""
    return {
        "Level": [row.level for row in rows],
        "What is fused": [row.what for row in rows],
        "Operators": [str(sum(row.operators.values())) for row in rows],
        "Most frequent": [
            ", ".join(f"{count} {kind}" for kind, count in list(row.operators.items())[:4]) for row in rows
        ],
    }


def _levels(rows: list[FusionRow]) -> None:
    st.plotly_chart(
        figure(rows), key="fusion-levels", config={"displayModeBar": False}, alt="Latency at each level of fusion"
    )
    st.table(table(rows), width="stretch")
    st.caption("The latency above, as that of every point, is at level “all”, which is how ONNX Runtime loads files.")


def _label(place: int, row: FusionRow) -> str:
    time = words.measured(row.latency_ms)
    if not place:
        return time
    return f"{time} ({'a tie' if row.speed == 'tie' else f'{row.ratio.value:.2f} ×'})"


def _start(run: Run, store: Store) -> None:
    try:
        path = store.file(run.artifact.sha256)
    except EdgeKitError as error:
        st.toast(str(error), icon=":material/error:")
        return
    st.session_state[WATCHED] = (run.artifact.sha256, actions.time_fusion(path, state.session()).id)
