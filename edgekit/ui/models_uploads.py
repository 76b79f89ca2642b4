"""The models that a person brought: a place to add one, a card each, and a way to remove them again."""

import tempfile
from pathlib import Path

import streamlit as st

from edgekit import library
from edgekit.core.errors import EdgeKitError
from edgekit.data import download
from edgekit.data.catalog import entries, entry
from edgekit.jobs.jobs import Job, JobStatus
from edgekit.models.uploads import Card
from edgekit.ui import actions, state, words
from edgekit.ui.jobs_view import active, job_panel

WEIGHTS = (".safetensors", ".pt", ".pth", ".bin")
WATCHED, EMPTIED = "adding_job", "uploads_emptied"  # session state: the job that adds; how often the field was emptied


def add() -> None:
    """A file, the data set that it was trained on, for weights alone the architecture, and a button that adds it."""
    with st.container(border=True, key="add_model"):
        chosen = st.file_uploader(
            "Your network as an ONNX file, or its weights as safetensors or a PyTorch state dict",
            key=f"upload-{st.session_state.get(EMPTIED, 0)}",
            help="Drop it here. It is opened by a process of its own first, with limits on time and memory; it never "
            "leaves this computer.",
        )
        data = st.selectbox(
            "Scored on", list(entries()), format_func=lambda name: entry(name).title, key="upload_data", width=340,
            help="The data set that it was trained on, with the classes in the same order.",
        )  # fmt: skip
        architecture = _architecture(chosen.name) if chosen else ""
        here = download.status(data).present
        if not here:
            st.caption(f"{entry(data).title} is not on this computer yet: download it below.")
        job_id = st.session_state.get(WATCHED)
        st.button(
            "Add this model", icon=":material/add:", key="add", on_click=_start, args=(chosen, data, architecture),
            disabled=chosen is None or not here or active(job_id),
        )  # fmt: skip
        if job_id:
            job_panel(job_id, on_end=_ended)


def cards(found: dict[str, Card]) -> None:
    """A card for each upload in a grid that reflows."""
    with st.grid(3, min_column_width=320, gap="medium"):
        for name, card in found.items():
            with st.container(border=True, height="stretch", key=f"model-{name}"):
                _card(name, card)


def _card(name: str, card: Card) -> None:
    st.subheader(card.title, anchor=False)
    st.markdown(f":blue-badge[{entry(card.data).title}] :gray-badge[{_kind(card)}]")
    st.markdown(card.scaling)
    height, width = card.size or entry(card.data).image[:2]
    st.table(
        {
            "File": f"{card.file}, {words.size(card.bytes)}",
            "Parameters": words.count(card.params),
            "Multiply-accumulates": "not known" if card.macs is None else f"{words.count(card.macs)} an image",
            "Takes": f"{width} × {height} pixels, {'colour' if len(card.mean) == 3 else 'grey'}",
            "Operators": ", ".join(f"{n} {kind}" for kind, n in list(card.operators.items())[:4]),
        },
        border="horizontal",
        alt=f"Facts about {card.title}",
    )
    if card.why_no_network:
        st.caption(f"What trains or prunes is not offered for it: {card.why_no_network}")
    st.space("stretch")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(
            "pages/workbench.py", label="Compress it in the Workbench", icon=":material/tune:",
            query_params={"model": name},
        )  # fmt: skip
        if st.button("Remove", icon=":material/delete:", type="tertiary", key=f"remove-{name}"):
            _remove(name, card.title)


def _kind(card: Card) -> str:
    if card.architecture:
        return card.architecture
    return "already quantized" if card.quantized else "fixed graph" if card.why_no_network else "can be trained"


def _architecture(file: str) -> str:
    """Which of our networks weights are for; asked for where the file's name says that it may hold weights alone."""
    if Path(file).suffix not in WEIGHTS:
        return ""
    return st.selectbox(
        "Architecture", library.ARCHITECTURES, key="upload_architecture", width=340,
        help="Weights alone do not say what they compute: choose the one of our networks that they are for.",
    )  # fmt: skip


def _start(chosen, data: str, architecture: str) -> None:
    """Move the file out of the page's memory, and add it in the background."""
    folder = Path(tempfile.mkdtemp(prefix="edgekit-upload-"))
    path = folder / Path(chosen.name).name
    path.write_bytes(chosen.getbuffer())
    st.session_state[WATCHED] = actions.add_model(path, data, architecture, state.session()).id
    st.session_state[EMPTIED] = st.session_state.get(EMPTIED, 0) + 1


def _ended(job: Job | None) -> None:
    if job is not None and job.status is JobStatus.DONE:
        st.session_state.pop(WATCHED)
        st.toast("Added. It is among the models of the Workbench now.", icon=":material/check_circle:")


@st.dialog("Remove this model?")
def _remove(name: str, title: str) -> None:
    st.markdown(f"The file of **{title}** is deleted. Runs that were made of it stay, with their files.")
    if st.button("Remove", icon=":material/delete:", key="remove_really", on_click=_forget, args=(name,)):
        st.rerun()


def _forget(name: str) -> None:
    try:
        library.remove(name)
    except EdgeKitError as error:  # another tab was quicker
        st.toast(str(error), icon=":material/error:")
