"""Recovery curves: how well a network does on validation samples after each epoch of a recipe, drawn as it trains."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from edgekit.core.errors import StoreError
from edgekit.core.measurement import METRICS
from edgekit.core.run import Run
from edgekit.data.catalog import entry
from edgekit.jobs.jobs import Job
from edgekit.store.store import Store
from edgekit.tasks import task

HEIGHT = 260
COLOURS = ("#2F7DE1", "#D9730D", "#0E9384", "#9A5CD0")
OF_EVERY_EPOCH = {"step", "epoch", "loss", "accuracy", "validation_accuracy"}


def draw(run: Run) -> None:
    """The curve of a finished run."""
    if not run.curve:
        st.caption("Nothing was trained for this file. Steps that train draw here how the network recovered.")
        return
    st.caption(
        f"{_metric(run)} on validation samples, which no step trains on. "
        "The cards above hold that of the finished file, on the test set."
    )
    _chart(run, "training-curve")


def draw_live(job: Job, store: Store) -> None:
    """The curve of the run that a job is making, as far as it has come; nothing before its first epoch."""
    if not job.run:
        return
    try:
        run = store.get(job.run)
    except StoreError:  # it has not begun, or the same run was there already
        return
    if run.curve:
        _chart(run, f"training-curve-{job.id}")


def figure(recipe: list[dict[str, Any]], curve: list[dict[str, Any]], metric: str) -> go.Figure:
    """One line a step that trained, over the epochs of all of them; a hollow mark opens each round or trial.

    Args:
        curve: per epoch {"step", "epoch", "validation_accuracy", …}, in the order of training.
        metric: what a validation_accuracy is, for people.
    """
    drawn = go.Figure()
    steps = list(dict.fromkeys(point["step"] for point in curve))
    for colour, step in zip(COLOURS * len(steps), steps, strict=False):
        places = [place for place, point in enumerate(curve) if point["step"] == step]
        points = [curve[place] for place in places]
        part = [(point.get("round"), point.get("trial")) for point in points]
        opens = [not i or part[i] != part[i - 1] for i in range(len(points))]
        drawn.add_scatter(
            x=[place + 1 for place in places],
            y=[100 * point["validation_accuracy"] for point in points],
            mode="lines+markers",
            name=f"{step}. {next(iter(recipe[step - 1])).replace('_', ' ')}",
            line={"color": colour, "width": 2},
            marker={"size": 8, "symbol": ["circle-open" if one and len(set(opens)) > 1 else "circle" for one in opens]},
            text=[_about(point) for point in points],
            hovertemplate="%{y:.1f} %<br>%{text}<extra></extra>",
        )
    drawn.update_layout(
        height=HEIGHT, margin={"l": 4, "r": 4, "t": 16, "b": 4}, dragmode=False, showlegend=len(steps) > 1,
        legend={"orientation": "h", "y": 1.15},
    )  # fmt: skip
    drawn.update_xaxes(title="Epochs trained", dtick=max(1, len(curve) // 10), range=[0.5, len(curve) + 0.5])
    drawn.update_yaxes(title=f"{metric}, validation", ticksuffix=" %")
    return drawn


def _chart(run: Run, key: str) -> None:
    st.plotly_chart(
        figure(run.recipe, run.curve, _metric(run)), key=key, config={"displayModeBar": False},
        alt=f"{_metric(run)} on validation samples over {len(run.curve)} epochs of training",
    )  # fmt: skip


def _metric(run: Run) -> str:
    """By which a run is judged: "Accuracy"."""
    return METRICS[task(entry(run.data).task).metric].title


def _about(point: dict[str, Any]) -> str:
    """The epoch with everything else that its step told of it: "epoch 3, loss 0.21, round 2, sparsity 0.5"."""
    told = {"epoch": point["epoch"], "loss": f"{point['loss']:.3g}"}
    told |= {key: value for key, value in point.items() if key not in OF_EVERY_EPOCH}
    return ", ".join(f"{key.replace('_', ' ')} {_short(value)}" for key, value in told.items())


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
