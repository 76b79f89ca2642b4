"""The two things to take home at once: the file of a run, and a bundle that runs by itself."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from edgekit.core.errors import EdgeKitError
from edgekit.core.run import Run
from edgekit.export.bundle import bundled, cannot_be_bundled
from edgekit.jobs.jobs import Job, JobStatus
from edgekit.show import words
from edgekit.store.store import Store
from edgekit.ui import selected, state

BUNDLE_HELP = (
    "One zip: the file, its labels, how samples are prepared, as code and as numbers, a sample with the answer that is "
    "expected, licences, and a README. It runs with numpy and onnxruntime alone."
)


def file(run: Run, store: Store) -> Path | None:
    """The run's file; where it is gone, that is said."""
    try:
        return store.file(run.artifact.sha256)
    except EdgeKitError as error:
        st.info(str(error), icon=":material/info:")
        return None


def take_home(run: Run, store: Store) -> None:
    """The measured file, and the bundle."""
    with st.container(horizontal=True, gap="small", key="take_home"):
        selected.download(run, store, key="deploy_download")
        if why := cannot_be_bundled(run):
            st.caption(f"No bundle: {words.plain(why)}")
        else:
            st.download_button(
                "Bundle", lambda: bundled(run.id, store), f"{run.model}-{run.id}.zip", "application/zip",
                icon=":material/folder_zip:", key="deploy_bundle", on_click="ignore", help=BUNDLE_HELP,
            )  # fmt: skip
    st.caption(f"Exactly the file that was measured: sha256 `{run.artifact.sha256}`")


def ended(job: Job) -> None:
    """A job of this page has ended; one that did not work stays in sight."""
    if job.status is JobStatus.DONE:
        state.watch(None)
        st.toast(f"{job.title}: done.", icon=":material/check_circle:")
