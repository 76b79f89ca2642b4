"""Data that a person brought: a place to add it, a look at some of its samples, and a way to remove it again."""

from functools import partial

import pandas
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from edgekit.core.errors import EdgeKitError
from edgekit.data import bring, splits
from edgekit.data.catalog import Entry
from edgekit.data.reading import LABELS, TABLES
from edgekit.ui import actions, bringing, sample, state

KINDS = ["zip", "npz", *(kind.removeprefix(".") for kind in TABLES)]
SIDES = (32, 64, 96, 128, 160, 224)
LOOK, WIDTH = 6, 72  # samples that a card shows, and their width in pixels
AS_IT_IS, NONE = "as most of them are", "no labels"


def add() -> None:
    """A file, what has to be known of it, and a button that adds it."""
    with st.container(border=True, key="add_data"):
        chosen = bringing.field(
            "data",
            "Your data: a .zip of images, .wav or .txt files in a folder a class, an .npz with x and y, or a table of "
            "numbers or of texts with a column for the class",
            KINDS,
        )
        how = _settings(chosen) if chosen else {}
        start = partial(actions.add_data, session=state.session(), **how)
        bringing.button("data", "Add this data", chosen, start, done="Added. Models can be scored on it now.")


def look(about: Entry) -> None:
    """Some of its training samples, each with its class."""
    try:
        few = splits.load(about.id).training.take(LOOK)
    except EdgeKitError as error:
        st.caption(str(error))
        return
    with st.container(horizontal=True, gap="small"):
        for number, (raw, label) in enumerate(zip(few.raw, few.labels, strict=True)):
            name = about.answer(label) if about.labelled else "no label"
            with st.container(width="content", gap="xxsmall"):
                key = f"look-{about.id}-{number}"
                sample.show(raw, about, key=key, alt=f"Training sample: {name}", width=WIDTH)
                st.caption(name)


def remove_button(about: Entry) -> None:
    """A button that asks before it removes."""
    if st.button("Remove", icon=":material/delete:", type="tertiary", key=f"remove-{about.id}"):
        _remove(about)


def _settings(chosen: UploadedFile) -> dict:
    """What is asked of this kind of file: the column of the class, or the size of the images."""
    kind = f".{chosen.name.rsplit('.', 1)[-1].lower()}"
    if kind in TABLES:
        try:
            titles = [str(title) for title in pandas.read_csv(chosen, sep=TABLES[kind], nrows=0).columns]
        except ValueError:  # said in full once it is read as a whole
            titles = []
        chosen.seek(0)
        usual = next((number for number, title in enumerate(titles) if title.lower() in LABELS), len(titles) - 1)
        label = st.selectbox(
            "Column with the class", [*titles, NONE], index=max(usual, 0), key="data_label", width=340
        )  # fmt: skip
        return {"label": "" if label == NONE else label}
    if kind == ".zip":
        side = st.selectbox(
            "Size of the images", [AS_IT_IS, *SIDES], key="data_size", width=340,
            format_func=lambda one: one if one == AS_IT_IS else f"{one} × {one} pixels",
            help="All images are kept in one size. Networks may still take them in another: they are resized for it.",
        )  # fmt: skip
        return {} if side == AS_IT_IS else {"size": (side, side)}
    return {}


@st.dialog("Remove this data?")
def _remove(about: Entry) -> None:
    st.markdown(
        f"The samples of **{about.title}** are deleted. Models that are scored on it wait until it is added again."
    )
    if st.button(
        "Remove", icon=":material/delete:", key="remove_really", on_click=bringing.forget, args=(bring.remove, about.id)
    ):
        st.rerun()
