"""A job as a person sees it: what it is doing, how far it is, how long it will take, and a way to stop it."""

from collections.abc import Callable

import streamlit as st

from edgekit.jobs.jobs import Job, jobs
from edgekit.ui import words

ACTIVE = ("queued", "running")
LOOK_EVERY = 0.5  # seconds between two looks at a long job
LOOK_OFTEN = 0.15  # at a short one, whose end a person is waiting for


def active(job: Job | None) -> bool:
    """Whether there is still something to wait for."""
    return job is not None and job.status in ACTIVE


def job_panel(job_id: str, *, on_end: Callable[[Job], None], every: float = LOOK_EVERY) -> None:
    """Show a job and keep looking until it ends; then call `on_end` once and draw the whole page anew.

    Args:
        on_end: what to do with the ended job: take over its result, forget its id.
    """
    job = jobs().get(job_id)
    running = active(job)

    @st.fragment(run_every=every if running else None)
    def panel() -> None:
        now = jobs().get(job_id)
        if active(now):
            _bar(now)
        elif running:
            on_end(now)
            st.rerun()

    panel()
    if job is not None and not running:
        ended(job)


def ended(job: Job) -> None:
    """Say how a job ended, if that is something to say."""
    if job.status == "failed":
        st.error(job.error, title=f"{job.title} did not work", icon=":material/error:")
    elif job.status == "cancelled":
        st.info(f"{job.title} was cancelled. Nothing half-done was kept.", icon=":material/cancel:")


def progress_text(job: Job) -> str:
    """Where a job is, in one line: "training, epoch 2 of 3 · about 40 s left"."""
    if job.place:
        ahead = "one job" if job.place == 1 else f"{job.place} jobs"
        return f"{job.title}: waiting for {ahead}"
    left = "" if job.seconds_left is None else f" · about {words.duration(job.seconds_left)} left"
    return f"{job.title}: {job.what or 'starting'}{left}"


def _bar(job: Job) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"job-{job.id}"):
        st.progress(min(max(job.fraction, 0.0), 1.0), progress_text(job))
        if st.button("Cancel", icon=":material/stop_circle:", key=f"cancel-{job.id}"):
            jobs().cancel(job.id)
