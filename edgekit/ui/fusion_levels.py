"""What operator fusion is worth to the selected file: its time at each level of ONNX Runtime, from none to all."""

from functools import partial

import plotly.graph_objects as go
import streamlit as st

from edgekit.core.run import Run
from edgekit.measure.fusion import FusionRow
from edgekit.show import words
from edgekit.store.store import Store
from edgekit.ui import actions, on_demand, state

HEIGHT = 220
COLOURS = {"faster": "#0E9384", "slower": "#D9730D", "tie": "#6B7280"}


def draw(run: Run, store: Store) -> None:
    """A button that times the file, then the levels as bars with what runs at each."""
    on_demand.measured(
        "fusion", run, store,
        caption="A runtime fuses operators while it loads a file: batch normalisation into weights, activations into "
        "convolutions. How much of this file's speed comes from that?",
        label="Time it with and without fusion",
        help="Runs the same file with ONNX Runtime's fusions off, and at each of its levels.",
        start=partial(actions.time_fusion, session=state.session()),
        show=_levels,
    )  # fmt: skip


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
