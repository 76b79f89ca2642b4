"""The data sets: what is on this machine, what they are, and a button that fetches those that are not."""

import streamlit as st

from edgekit.data import download
from edgekit.data.catalog import Entry, brought
from edgekit.jobs.jobs import Job, jobs
from edgekit.show import words
from edgekit.ui import models_bring_data, state
from edgekit.ui.actions import pull
from edgekit.ui.jobs_view import active, job_panel

SHOWN = 12  # names of classes
LABELS = {
    "regression": "none: one number a sample to come close to",
    "translation": "none: one text a sample to come close to",
    "agreement": "none: agreement with the original stands in for accuracy",
}


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
    st.table(_facts(entry, status), hide_index=False, border="horizontal", alt=f"Facts about {entry.title}")
    if name in brought():
        models_bring_data.look(entry)
        st.space("stretch")
        models_bring_data.remove_button(entry)
        return
    st.space("stretch")
    job_id = _watched(name, entry.title)
    if job_id:
        job_panel(job_id, on_end=lambda job: _ended(name, job))
    if not status.complete and not active(job_id):
        label = f"Download all of {entry.title}" if status.present else f"Download {entry.title}"
        args = (name, entry.title)
        st.button(label, icon=":material/download:", key=f"pull-{name}", on_click=_start, args=args)


def _facts(entry: Entry, status: download.DataStatus) -> dict[str, str]:
    facts = {
        "On this machine": _here(status, entry),
        entry.samples.capitalize(): f"{entry.training:,} to train on, {entry.evaluation:,} to test on; {_each(entry)}",
        "Classes": _classes(entry.classes) or LABELS[entry.task],
        "Held out": f"{entry.validation:,} training {entry.samples} that no step trains on; some choose by them",
    }
    if entry.citation:
        facts["Cite"] = f"[{entry.citation}]({entry.homepage})"
    return facts | ({"Note" if entry.sources else "How it was read": entry.note} if entry.note else {})


def _classes(names: tuple[str, ...]) -> str:
    """The names of the classes, of many only the first."""
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _each(entry: Entry) -> str:
    """What one sample is."""
    if entry.kind == "image":
        height, width, channels = entry.shape
        return f"{width} × {height} pixels, {'colour' if channels == 3 else 'grey'}"
    if entry.kind == "text":
        return f"up to {entry.shape[0]:,} bytes"
    if entry.kind == "sound":
        return f"{entry.shape[0] / entry.rate:.2f} s at {entry.rate:,} Hz"
    return f"{' × '.join(map(str, entry.shape))} numbers each"


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
