"""From resting controls to a measured point: at once where nothing trains, by Compress where something does."""

from typing import Any

import streamlit as st

from edgekit.core.run import Run
from edgekit.jobs.jobs import Job, JobStatus, jobs
from edgekit.search.ghost import predict
from edgekit.show import words
from edgekit.show.charts import Point
from edgekit.show.points import find
from edgekit.show.spelling import canonical, spelled
from edgekit.store.store import Store
from edgekit.ui import actions, jobs_view, state
from edgekit.ui.actions import Measuring, Wish

MOMENTARY = ("prune_channels", "prune_weights", "quantize_static", "quantize_weights", "quantize_fp16")
PLAIN = {"sparsity", "pattern", "bits", "activations"}  # settings that sliders make, none of which trains


def known(wish: Wish | None, points: list[Point], store: Store) -> str | None:
    """The id of the run that has measured just this already."""
    if wish is None:
        return None
    mine = measured().get(wish.key)
    run = mine if any(point.id == mine for point in points) else find(points, canonical(wish.recipe))
    if run is not None and wish.each_step and wish.recipe and not store.get(run).steps:
        return None
    return run


def follow(wish: Wish | None, known: str | None) -> None:
    """React to where the controls stand: select the point if it is known, measure it if that takes but a moment.

    Args:
        wish: what the controls ask for; None while the recipe has problems.
        known: id of the run that has measured just this, if there is one.
    """
    _take_over()
    if wish is None:
        return
    if wish.key == st.session_state.get("followed"):
        if known is not None and state.selected() is None:  # back from another page
            state.select(known)
        return
    arrived = "followed" not in st.session_state and state.selected() is not None
    st.session_state["followed"] = wish.key
    if arrived:  # a link to a run shows that run, wherever the controls stand
        return
    if known is not None:
        state.select(known)
        return
    _stop()
    if not trains(wish.recipe):
        start(wish)


def start(wish: Wish) -> None:
    """Measure now."""
    st.session_state["measuring"] = actions.measure(wish, state.store(), state.session())


def trains(recipe: list[dict[str, Any]]) -> bool:
    """Whether a step of the recipe trains, so that it takes more than a moment."""
    if any("fine_tune" in step for step in recipe):
        return True
    if all(name in MOMENTARY and set(settings) <= PLAIN for step in recipe for name, settings in step.items()):
        return False  # known without the techniques, which load torch
    from edgekit.recipe import Recipe

    return Recipe.parse(recipe).trains


def panel(wish: Wish | None, known: str | None) -> None:
    """Below the controls: Compress where something trains, what the measurement is doing, what went wrong."""
    measuring = _measuring()
    missing = wish is not None and known is None
    if missing and trains(wish.recipe):
        st.button(
            ":primary[**Compress**]", icon=":material/compress:", key="compress", width="stretch",
            on_click=_compress, args=(wish,), disabled=jobs_view.active(state.job()),
        )  # fmt: skip
    if measuring is not None:
        _watch(measuring)
    if missing and not trains(wish.recipe) and (measuring is None or not jobs_view.active(measuring.job)):
        st.button(
            "Measure", icon=":material/speed:", key="measure", width="stretch", on_click=start, args=(wish,)
        )  # fmt: skip


def ghost(wish: Wish | None, known: str | None, baseline: Run | None) -> Point | None:
    """What the point will be, as far as that can be told before it is measured."""
    if wish is None or known is not None or baseline is None or not wish.recipe:
        return None
    expected = predict(wish.model, wish.recipe, baseline, state.store())
    return Point("", words.recipe(spelled(wish.recipe)), wish.recipe, expected) if expected else None


def _compress(wish: Wish) -> None:
    state.watch(actions.compress(wish, state.store(), state.session()).id)


def _watch(measuring: Measuring) -> None:
    """Look often, and draw the page anew when the point is there and again when the last numbers are."""
    seen = len(measuring.points)
    jobs_view.job_panel(
        measuring.job,
        on_end=lambda job: None,
        every=jobs_view.LOOK_OFTEN,
        changed=lambda: len(measuring.points) != seen,
    )


def _measuring() -> Measuring | None:
    return st.session_state.get("measuring")


def _take_over() -> None:
    """Select the point that the measurement has brought; forget the measurement once it is done."""
    measuring = _measuring()
    if measuring is None:
        return
    job = jobs().get(measuring.job)
    found = [run.id for run in measuring.points] + ([job.result.id] if job and job.status is JobStatus.DONE else [])
    if found and measuring.key not in measured():
        measured()[measuring.key] = found[-1]
        if measuring.key == st.session_state.get("followed"):
            state.select(found[-1])
    if job is None or job.status is JobStatus.DONE:
        st.session_state["measuring"] = None


def measured() -> dict[str, str]:
    """What this tab has measured: key of the wish -> id of the run."""
    return st.session_state.setdefault("measured", {})


def _stop() -> None:
    """What the controls no longer ask for need not be finished."""
    if (measuring := _measuring()) is not None:
        jobs().cancel(measuring.job)
        st.session_state["measuring"] = None


def done(job: Job) -> None:
    """A long job has ended: look at what it made, and forget it if there is nothing to say."""
    if job.status is JobStatus.DONE:
        state.watch(None)
        if isinstance(job.result, Run):
            state.select(job.result.id)
        elif isinstance(job.result, list):  # runs to look at side by side
            st.switch_page("pages/compare.py", query_params={"runs": job.result})


def job_is_lost(job_id: str) -> bool:
    """Whether nothing is known of a job any more."""
    return jobs().get(job_id) is None
