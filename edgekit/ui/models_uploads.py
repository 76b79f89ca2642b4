"""The models that a person brought: a place to add one, a card each, and a way to remove them again."""

from functools import partial
from pathlib import Path

import streamlit as st

from edgekit import library
from edgekit.data import download
from edgekit.data.catalog import entries, entry
from edgekit.models import by_name
from edgekit.models.uploads import Card
from edgekit.show import words
from edgekit.ui import actions, bringing, state
from edgekit.ui.jobs_view import active, job_panel

WEIGHTS = (".safetensors", ".pt", ".pth", ".bin")


def add() -> None:
    """A file, the data set that it was trained on, for weights alone the architecture, and a button that adds it."""
    with st.container(border=True, key="add_model"):
        chosen = bringing.field(
            "model", "Your network as an ONNX file, or its weights as safetensors or a PyTorch state dict"
        )
        name = st.text_input(
            "Or its name elsewhere", key="upload_name", width=340, placeholder="torchvision:mobilenet_v2",
            help="torchvision:NAME or timm:NAME for a network with its best weights, or hf:OWNER/REPOSITORY/FILE for "
            "an ONNX file on the Hugging Face hub. It is downloaded once.",
        )  # fmt: skip
        known = [name for name, about in entries().items() if not about.synthetic]
        data = st.selectbox(
            "Scored on", [*known, None], format_func=_title, key="upload_data", width=340,
            help="The data set that it was trained on, with the classes in the same order.",
        )  # fmt: skip
        architecture = _architecture(chosen.name) if chosen and data else ""
        here = data is None or download.status(data).present
        if not here:
            st.caption(f"{entry(data).title} is not on this computer yet: download it below.")
        start = partial(actions.add_model, data=data, architecture=architecture, session=state.session())
        done = "Added. It is among the models of the Workbench now."
        bringing.button("model", "Add this model", chosen or _named(name) if here else None, start, done=done)


def _named(text: str) -> str | None:
    """A name that networks may have elsewhere; any other text is answered, and never taken for a file of the server."""
    text = text.strip()
    if text and not by_name.is_name(text):
        st.caption(f":red[:material/error: “{text}” is no such name: it must begin with torchvision:, timm: or hf:]")
    return text if by_name.is_name(text) else None


def _title(data: str | None) -> str:
    return entry(data).title if data else "nothing: random inputs, for latency and size only"


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
    st.table(
        {
            "File": f"{card.file}, {words.size(card.bytes)}",
            "Parameters": words.count(card.params),
            "Multiply-accumulates": "not known" if card.macs is None else f"{words.count(card.macs)} a sample",
            "Takes": card.preprocessing.in_words(entry(card.data).shape),
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
        if len(card.ways) > 1:
            _otherwise(name, card)
        if st.button("Remove", icon=":material/delete:", type="tertiary", key=f"remove-{name}"):
            _remove(name, card.title)


def _otherwise(name: str, card: Card) -> None:
    """The other ways to scale its samples, with what they gave, and a button that takes one of them."""
    watched = f"feeding-{name}"
    with st.popover("Fed otherwise", type="tertiary", icon=":material/swap_horiz:", key=f"otherwise-{name}"):
        way = st.selectbox(
            "How samples are scaled",
            list(card.ways),
            key=f"way-{name}",
            width=420,
            format_func=lambda way: _way(card, way),
        )
        job_id = st.session_state.get(watched)
        st.button(
            "Feed it like this", icon=":material/check:", key=f"feed-{name}", disabled=active(job_id),
            on_click=_feed, args=(watched, name, card.title, way),
        )  # fmt: skip
        if job_id:
            job_panel(job_id, on_end=lambda job: None)


def _way(card: Card, way: str) -> str:
    share = card.ways[way]
    return way if share is None else f"{way}: {words.percent(share, 0)} right"


def _feed(watched: str, name: str, title: str, way: str) -> None:
    st.session_state[watched] = actions.feed_otherwise(name, title, way, state.session()).id


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


@st.dialog("Remove this model?")
def _remove(name: str, title: str) -> None:
    st.markdown(f"The file of **{title}** is deleted. Runs that were made of it stay, with their files.")
    if st.button(
        "Remove", icon=":material/delete:", key="remove_really", on_click=bringing.forget, args=(library.remove, name)
    ):
        st.rerun()
