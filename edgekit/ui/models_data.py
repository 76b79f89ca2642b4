"""The data sets: what is on this machine, what they are, and a button that fetches those that are not."""

import streamlit as st

from edgekit.data import download
from edgekit.data.catalog import Entry
from edgekit.jobs.jobs import Job, jobs
from edgekit.ui import state, words
from edgekit.ui.actions import pull
from edgekit.ui.jobs_view import active, job_panel


def data_cards(entries: dict[str, Entry]) -> None:
    """All data sets in a grid that reflows."""
    with st.grid(2, min_column_width=320, gap="medium"):
        for name, entry in entries.items():
            with st.container(border=True, height="stretch", key=f"data-{name}"):
                _card(name, entry)


def _card(name: str, entry: Entry) -> None:
    status = download.status(name)
    st.subheader(entry.title, anchor=False)
    st.markdown(_badge(status) + f" :gray-badge[{entry.licence.split(';')[0]}]")
    height, width, channels = entry.image
    st.table(
        {
            "On this machine": _here(status, entry),
            "Images": f"{entry.training:,} to train on, {entry.evaluation:,} to test on; "
            f"{width} × {height} pixels, {'colour' if channels == 3 else 'grey'}",
            "Classes": ", ".join(entry.classes),
            "Held out": f"{entry.validation:,} training images that no step trains on; some choose by them",
            "Cite": f"[{entry.citation}]({entry.homepage})",
        },
        border="horizontal",
        alt=f"Facts about {entry.title}",
    )
    st.space("stretch")
    job_id = _watched(name, entry.title)
    if job_id:
        job_panel(job_id, on_end=lambda job: _ended(name, job))
    if not status.complete and not active(job_id):
        label = f"Download all of {entry.title}" if status.present else f"Download {entry.title}"
        args = (name, entry.title)
        st.button(label, icon=":material/download:", key=f"pull-{name}", on_click=_start, args=args)


def _here(status: download.DataStatus, entry: Entry) -> str:
    if status.complete:
        return f"All of it, in `{status.where}`"
    if status.present:
        return f"All test images and {entry.packaged.training:,} training images, which come with EdgeKit"
    return f"{status.note[0].upper()}{status.note[1:]}" if status.where else "Nothing of it yet"


def _badge(status: download.DataStatus) -> str:
    if status.complete:
        return f":green-badge[:material/check_circle: Ready, {words.size(status.bytes)}]"
    if status.present:
        return ":green-badge[:material/check_circle: Ready, in part]"
    return ":orange-badge[:material/cloud_download: Not downloaded]"


def _start(name: str, title: str) -> None:
    st.session_state[f"pull-{name}-job"] = pull(name, title, state.session()).id


def _watched(name: str, title: str) -> str | None:
    """The download of this data set: one that any tab has under way, or the last that this tab started."""
    under_way = next((job.id for job in jobs().active() if job.title == f"Downloading {title}"), None)
    return under_way or st.session_state.get(f"pull-{name}-job")


def _ended(name: str, job: Job) -> None:
    if job.status == "done":
        st.session_state.pop(f"pull-{name}-job", None)
        st.toast("Downloaded and verified.", icon=":material/check_circle:")
