"""Bringing a file into the app: a field, a button that starts a job with the file, and the job's progress and end."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from edgekit.core.errors import EdgeKitError
from edgekit.jobs.jobs import Job, JobStatus
from edgekit.ui.jobs_view import active, job_panel


def field(name: str, label: str, kinds: list[str] | None = None) -> UploadedFile | None:
    """Where a file is dropped; it is empty again once the file was taken.

    Args:
        name: of what is brought, the same for `button`.
        kinds: endings of files that it takes; all if absent.
    """
    return st.file_uploader(
        label,
        kinds,
        key=f"upload-{name}-{st.session_state.get(_emptied(name), 0)}",
        help="Drop it here. It never leaves the computer that EdgeKit runs on.",
    )


def button(
    name: str, label: str, chosen: UploadedFile | str | None, start: Callable[[Path | str], Job], *, done: str
) -> None:
    """A button that moves the file out of the page's memory and starts the job; below it, how far the job is.

    Args:
        chosen: the file, or a name that is fetched from elsewhere; None keeps the button from being pressed.
        start: given the file in a folder of its own, which the job deletes; or the name.
        done: said once it is done.
    """
    job_id = st.session_state.get(_watched(name))
    st.button(
        label, icon=":material/add:", key=f"add-{name}", on_click=_start, args=(name, chosen, start),
        disabled=chosen is None or active(job_id),
    )  # fmt: skip
    if job_id:
        job_panel(job_id, on_end=lambda job: _ended(name, job, done))


def forget(remove: Callable[[str], None], name: str) -> None:
    """Remove what was brought; that another tab was quicker is said, and no more. For callbacks."""
    try:
        remove(name)
    except EdgeKitError as error:
        st.toast(str(error), icon=":material/error:")


def _start(name: str, chosen: UploadedFile | str, start: Callable[[Path | str], Job]) -> None:
    st.session_state[_watched(name)] = start(chosen if isinstance(chosen, str) else _on_disk(chosen)).id
    st.session_state[_emptied(name)] = st.session_state.get(_emptied(name), 0) + 1


def _on_disk(chosen: UploadedFile) -> Path:
    """The file in a folder of its own, and out of the page's memory."""
    path = Path(tempfile.mkdtemp(prefix="edgekit-upload-")) / Path(chosen.name).name
    path.write_bytes(chosen.getbuffer())
    session = get_script_run_ctx()
    session.uploaded_file_mgr.remove_file(session.session_id, chosen.file_id)  # else it stays until the tab is closed
    return path


def _ended(name: str, job: Job | None, done: str) -> None:
    if job is not None and job.status is JobStatus.DONE:
        st.session_state.pop(_watched(name))
        st.toast(done, icon=":material/check_circle:")


def _watched(name: str) -> str:
    """In session state: the job that takes the file."""
    return f"adding-{name}"


def _emptied(name: str) -> str:
    """In session state: how often the field was emptied."""
    return f"emptied-{name}"
