"""The samples of the test set whose answer changed: the picture, what it shows, and both answers with confidences."""

import operator
from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st

from edgekit.core.errors import EdgeKitError
from edgekit.core.run import Answer, Disagreement, Run
from edgekit.data.catalog import Entry, entry
from edgekit.data.splits import load
from edgekit.show import words
from edgekit.tasks import task
from edgekit.ui import boxes, sample

WIDTH, WIDE = 72, 132  # pixels of a sample, and of one with boxes in it
NO_BREAK = "\u00a0"  # a space at which no line ends


def draw(run: Run) -> None:
    """A line that counts them, and up to 24 of them as cards."""
    found = run.disagreements
    if found is None:
        st.caption("The original has nothing to disagree with.")
        return
    about = entry(run.data)
    st.markdown(
        f"**{found.count:,} of {found.total:,}** test samples ({words.percent(found.count / found.total, 2)}) "
        "get another answer than from the original network. "
        + ("" if task(about.task).graded else f"The percentage is {task(about.task).sure}.")
    )
    if not found.examples:
        return
    try:
        raw = load(run.data).evaluation.raw
    except EdgeKitError as error:
        st.info(str(error), icon=":material/image_not_supported:")
        return
    in_place = task(about.task).in_place
    if in_place:
        st.caption(boxes.LEGEND)
    with st.grid("auto", min_column_width=2 * WIDE + 48 if in_place else 230, gap="small"):
        for one in found.examples:
            _card(one, raw[one.sample], about)


def _card(one: Disagreement, raw: np.ndarray, about: Entry) -> None:
    right, name = partial(_is_right, about=about), lambda answer: words.plain(about.answer(answer))
    if task(about.task).in_place:
        _two_pictures(one, raw, about, text(one, name, right))
        return
    beside = {"horizontal": True, "vertical_alignment": "center", "wrap": False}  # a text needs the whole width
    with st.container(border=True, gap="small", height="stretch", **({} if about.kind == "text" else beside)):
        alt = f"Test sample {one.sample}: {about.answer(one.label)}"
        sample.show(raw, about, key=f"changed-{one.sample}", alt=alt, width=WIDTH)
        st.markdown(numbers(one, name) if task(about.task).graded else text(one, name, right))


def _two_pictures(one: Disagreement, raw: np.ndarray, about: Entry, lines: str) -> None:
    """The sample twice, with what the original found in it and what the compressed network finds."""
    title, *said = lines.splitlines()
    with st.container(border=True, gap="xsmall", height="stretch"):
        st.markdown(title)
        with st.container(horizontal=True, gap="small", wrap=False):
            for line, answer in zip(said, (one.before, one.after), strict=True):
                with st.container(gap="xxsmall", width=WIDE):
                    alt = f"Test sample {one.sample}: {about.answer(answer)}"
                    boxes.show(raw, about, answer, one.label, alt=alt, width=WIDE)
                    st.markdown(line)


def _is_right(answer: Answer, label: Answer, about: Entry) -> bool:
    return bool(task(about.task).right(np.array([answer]), np.array([label]))[0])


def numbers(one: Disagreement, answer_name: Callable[[Answer], str]) -> str:
    """Three lines likewise, of answers that are numbers."""
    said = (("before", one.before), ("after", one.after))
    lines = [f":small[{who}: {answer_name(answer)}]" for who, answer in said]
    return "  \n".join([f"**{answer_name(one.label)}**", *lines])


def text(
    one: Disagreement, answer_name: Callable[[Answer], str], right: Callable[[Answer, Answer], bool] = operator.eq
) -> str:
    """Three lines: what it is, what the original said, what the compressed network says; right answers are ticked.

    Args:
        right: whether an answer is what a label says.
    """
    lines = [f"**{answer_name(one.label)}**"]
    for who, answer, sure in (
        ("before", one.before, one.before_confidence),
        ("after", one.after, one.after_confidence),
    ):
        icon = ":green[:material/check:]" if right(answer, one.label) else ":red[:material/close:]"
        lines.append(f":small[{icon} {who}: {answer_name(answer)}, {words.percent(sure, 0).replace(' ', NO_BREAK)}]")
    return "  \n".join(lines)
