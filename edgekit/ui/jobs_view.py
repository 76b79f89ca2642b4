"""A job as a person sees it: what it is doing, how far it is, how long it will take, and a way to stop it."""

from collections.abc import Callable

import streamlit as st

from edgekit.jobs.jobs import Job, JobStatus, jobs
from edgekit.show import words
from edgekit.ui import state
from edgekit.ui.guard import guarded

LOOK_EVERY = 0.5  # seconds between two looks at a long job
LOOK_OFTEN = 0.2  # at a short one, whose end a person is waiting for


def active(job_id: str | None) -> bool:
    """Whether there is still something to wait for."""
    job = jobs().get(job_id) if job_id else None
    return job is not None and job.active


def job_panel(
    job_id: str,
    *,
    on_end: Callable[[Job], None],
    changed: Callable[[], bool] = lambda: False,
    beside: Callable[[Job], None] = lambda job: None,
    every: float = LOOK_EVERY,
) -> None:
    """Show a job and keep looking until it ends; then call `on_end` once and draw the whole page anew.

    Also where it ended while the page above was drawn, which then shows what was before.

    Args:
        on_end: what to do with the ended job: take over its result, forget its id.
        changed: whether the page has something new to show before the job ends; it is then drawn anew as well.
        beside: draws below the bar what there is to see of the job while it is active.
        every: seconds between two looks.
    """
    running, told = active(job_id), f"told-{job_id}"

    def tell(job: Job) -> None:
        st.session_state[told] = True
        on_end(job)
        st.rerun()

    @st.fragment(run_every=every if running else None)
    def panel() -> None:
        state.settle()
        with guarded():
            job = jobs().get(job_id)
            if job is not None and job.active:
                _bar(job)
                beside(job)
                if changed():
                    st.rerun()
            elif running:
                tell(job)

    panel()
    job = jobs().get(job_id)
    if job is not None and not job.active:
        if not st.session_state.get(told):
            tell(job)
        ended(job)


def ended(job: Job) -> None:
    """Say how a job ended, if that is something to say."""
    if job.status is JobStatus.FAILED:
        st.error(job.error, title=f"{job.title} did not work", icon=":material/error:")
    elif job.status is JobStatus.CANCELLED:
        st.info(f"{job.title} was cancelled.", icon=":material/cancel:")


def progress_text(job: Job) -> str:
    """Where a job is, in one line: "Compressing: epoch 2 of 3 · about 40 s left"; a short one needs no estimate."""
    if job.place:
        return f"{job.title}: waiting for {'one job' if job.place == 1 else f'{job.place} jobs'} before it"
    if job.waits:
        return f"{job.title}: resting while a point is measured"
    told = job.seconds_left is not None and job.seconds_left >= 1 and not job.short
    left = f" · about {words.duration(job.seconds_left)} left" if told else ""
    return f"{job.title}: {job.what or 'starting'}{left}"


def _bar(job: Job) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"job-{job.id}"):
        st.progress(job.fraction, progress_text(job))
        st.button(
            "Cancel", icon=":material/stop_circle:", key=f"cancel-{job.id}", on_click=jobs().cancel, args=(job.id,)
        )  # fmt: skip
