"""A plain grid of settings from the page: every combination measured on the test set, and drawn in the Workbench."""

import streamlit as st

from edgekit.core.errors import EdgeKitError
from edgekit.jobs.jobs import Job, JobStatus
from edgekit.show import words
from edgekit.show.spelling import spelled
from edgekit.store.store import Store
from edgekit.ui import actions, jobs_view, state
from edgekit.ui.header import Choice

EXAMPLE = "prune_channels.sparsity=0.1:0.5:0.1 × quantize_weights.bits=4,8"


def draw(choice: Choice, store: Store) -> None:
    """The grid in words, the job, and what became of it."""
    text = st.text_input(
        "Grid", EXAMPLE, key="grid", persist_state="session",
        help="technique.setting=values, joined by ×. Values one by one, as 2,4,8, or from:to:step. A technique alone, "
        "such as quantize_static, is a step that is always there.",
    )  # fmt: skip
    if st.button(
        ":primary[**Measure every point**]", icon=":material/grid_on:", key="sweep",
        disabled=not text or jobs_view.active(state.job()),
    ):  # fmt: skip
        _start(choice, text, store)
    if (job := st.session_state.get("sweep_job")) and state.job() == job:
        jobs_view.job_panel(job, on_end=_done)
    if swept := st.session_state.get("swept"):
        _outcome(swept, choice)


def _start(choice: Choice, text: str, store: Store) -> None:
    from edgekit.search.sweep import grid  # with it come the techniques, which load torch

    try:
        grid(text)
    except EdgeKitError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.session_state["swept"] = None
    job = actions.sweep(choice.model, text, choice.samples, store, state.session()).id
    st.session_state["sweep_job"] = job
    state.watch(job)
    st.rerun()


def _done(job: Job) -> None:
    if job.status is JobStatus.DONE:
        st.session_state["swept"] = job.result
        state.watch(None)


def _outcome(swept: list, choice: Choice) -> None:
    done = [one for one in swept if one.run]
    compared = [one.run and one.run.comparison for one in swept]
    st.success(f"{len(done)} of {len(swept)} points are measured.", icon=":material/check:")
    st.page_link(
        "pages/workbench.py", label="See them in the Workbench", icon=":material/tune:",
        query_params={"model": choice.model},
    )  # fmt: skip
    st.dataframe(
        {
            "Recipe": [words.recipe(spelled(one.recipe)) for one in swept],
            "Quality (points)": [found and round(100 * found.accuracy_difference.value, 2) for found in compared],
            "Size (×)": [found and round(found.size_ratio, 3) for found in compared],
            "Latency (×)": [found and round(found.latency_ratio.value, 2) for found in compared],
            "Why not": [one.error for one in swept],
        },
        hide_index=True,
    )
