"""A tab whose content takes a measurement of its own: a button until it was asked for, then what came of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from edgekit.core.errors import EdgeKitError
from edgekit.core.run import Run
from edgekit.jobs.jobs import Job, JobStatus, jobs
from edgekit.store.store import Store
from edgekit.ui import jobs_view


def measured(
    name: str,
    run: Run,
    store: Store,
    *,
    caption: str,
    label: str,
    help: str,
    start: Callable[[Path], Job],
    show: Callable[[Any], None],
) -> None:
    """Show the result of the job that was started for this run's file, or offer to start it.

    Args:
        name: of the measurement, for keys.
        start: given the run's file; starts the job.
        show: draws the job's result.
    """
    watched = f"{name}_job"  # in session state: the sha256 of the file that was measured last, and the id of that job
    measured, job_id = st.session_state.get(watched, ("", ""))
    job = jobs().get(job_id) if measured == run.artifact.sha256 else None
    if job is not None and job.status is JobStatus.DONE:
        show(job.result)
        return
    st.caption(caption)
    st.button(
        label, icon=":material/timer:", key=name, on_click=_start, args=(watched, run, store, start),
        disabled=job is not None and job.active, help=help,
    )  # fmt: skip
    if job is not None:
        jobs_view.job_panel(job_id, on_end=lambda ended: None, every=jobs_view.LOOK_OFTEN)


def _start(watched: str, run: Run, store: Store, start: Callable[[Path], Job]) -> None:
    try:
        path = store.file(run.artifact.sha256)
    except EdgeKitError as error:
        st.toast(str(error), icon=":material/error:")
        return
    st.session_state[watched] = (run.artifact.sha256, start(path).id)
