"""The samples of the test set whose answer changed: the picture, what it shows, and both answers with confidences."""

import streamlit as st

from edgekit.core.errors import EdgeKitError
from edgekit.core.run import Disagreement, Run
from edgekit.data.catalog import entry
from edgekit.data.splits import load
from edgekit.ui import words

WIDTH = 72
NO_BREAK = "\u00a0"  # a space at which no line ends


def draw(run: Run) -> None:
    """A line that counts them, and up to 24 of them as cards."""
    found = run.disagreements
    if found is None:
        st.caption("The original has nothing to disagree with.")
        return
    st.markdown(
        f"**{found.count:,} of {found.total:,}** test samples ({words.percent(found.count / found.total, 2)}) "
        "get another answer than from the original network. The percentage is how sure each network is."
    )
    if not found.examples:
        return
    classes = entry(run.data).classes
    try:
        evaluation = load(run.data).evaluation
        evaluation = evaluation if run.samples >= len(evaluation) else evaluation.take(run.samples)
    except EdgeKitError as error:
        st.info(str(error), icon=":material/image_not_supported:")
        return
    with st.grid("auto", min_column_width=230, gap="small"):
        for one in found.examples:
            _card(one, evaluation.pixels[one.sample], classes)


def _card(one: Disagreement, pixels, classes: tuple[str, ...]) -> None:
    with st.container(
        border=True, horizontal=True, vertical_alignment="center", wrap=False, gap="small", height="stretch"
    ):
        picture = pixels[..., 0] if pixels.shape[-1] == 1 else pixels  # (h, w, 1) -> (h, w)
        st.image(picture, width=WIDTH, alt=f"Test sample {one.sample}: {classes[one.label]}")
        st.markdown(text(one, classes))


def text(one: Disagreement, classes: tuple[str, ...]) -> str:
    """Three lines: what it is, what the original said, what the compressed network says; right answers are ticked."""
    lines = [f"**{classes[one.label]}**"]
    for who, answer, sure in (
        ("before", one.before, one.before_confidence),
        ("after", one.after, one.after_confidence),
    ):
        icon = ":green[:material/check:]" if answer == one.label else ":red[:material/close:]"
        lines.append(f":small[{icon} {who}: {classes[answer]}, {words.percent(sure, 0).replace(' ', NO_BREAK)}]")
    return "  \n".join(lines)
