"""What stands in a page's place while the data of its model is not on this machine."""

import streamlit as st

from edgekit.data import download
from edgekit.data.catalog import entry
from edgekit.ui import actions, jobs_view, state


def data_gate(data: str) -> bool:
    """Whether there is data to work with; if not, say so and offer to download it."""
    if download.status(data).present:
        return True
    about = entry(data)
    with st.container(border=True, horizontal_alignment="center", key="no_data"):
        st.space("small")
        st.subheader(f"{about.title} is not on this computer yet", icon=":material/cloud_download:", anchor=False)
        st.markdown(
            f"This model is scored on {about.evaluation:,} test images of {about.title}. They are fetched once from "
            "their official source, verified, and kept.",
            width="content",
        )
        job = state.job()
        if job is not None:
            jobs_view.job_panel(job, on_end=_ended)
        if not jobs_view.active(job):
            st.button(
                f":primary[**Download** {about.title}]", icon=":material/download:", key="pull",
                on_click=lambda: state.watch(actions.pull(data, about.title, state.session()).id),
            )  # fmt: skip
        st.caption(f"Licence: {about.licence}")
        st.space("small")
    return False


def _ended(job) -> None:
    if job is not None and job.status == "done":
        state.watch(None)
