"""The test samples that the compared runs answer differently, with every answer and how sure each run is of it."""

from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from edgekit import tasks
from edgekit.core.errors import EdgeKitError
from edgekit.data.catalog import Entry
from edgekit.data.splits import load
from edgekit.search.answers import answers, in_common
from edgekit.search.disputes import Dispute, agreement, disputes
from edgekit.show import words
from edgekit.store.store import Store
from edgekit.ui import boxes, sample
from edgekit.ui.compare_pick import Contender

SHOWN, SIDE = 24, 112  # samples at first, and at each "Show more"; pixels


def samples(everyone: Sequence[Contender], about: Entry, store: Store) -> None:
    """How often they agree, a choice of which disputes to see, and the samples."""
    task = tasks.task(about.task)
    try:
        with st.spinner("Reading the answers"):
            first = everyone[0].run
            original = [] if task.labelled else [answers(store.get(first.baseline or first.id), store)]
            indices, labels, outputs = in_common([*(answers(one.run, store) for one in everyone), *original])
            labels, outputs = task.truth(labels, outputs[-1]), outputs[: len(everyone)]
    except EdgeKitError as error:
        st.info(f"The samples cannot be shown: {error}", icon=":material/image_not_supported:")
        return
    found = disputes(outputs, labels, task, indices)
    st.markdown(_agreement(everyone, agreement(outputs, labels, task), len(found), len(labels)))
    groups = {
        name: kept
        for name, wanted in _groups(everyone, task.classes).items()
        if (kept := [d for d in found if wanted(d)])
    }
    if not groups:
        return
    name = st.selectbox(
        "Show", list(groups), format_func=lambda name: f"{name} ({len(groups[name]):,})", key="compare_group", width=380
    )
    most = st.session_state.get("compare_shown", SHOWN)
    raw = load(about.id).evaluation.raw
    if task.in_place:
        st.caption(boxes.LEGEND)
    with st.grid("auto", min_column_width=150, gap="small"):
        for dispute in groups[name][:most]:
            with st.container(border=True, gap="xxsmall", key=f"dispute-{dispute.sample}"):
                _sample(dispute, everyone, about, raw[dispute.sample])
    if most < len(groups[name]):
        st.button("Show more", icon=":material/expand_more:", on_click=_more, args=(most + SHOWN,), key="compare_more")


def _groups(everyone: Sequence[Contender], right_or_wrong: bool = True) -> dict[str, Callable[[Dispute], bool]]:
    """Which disputes can be asked for, in words."""
    groups = {"All samples that they answer differently": lambda d: True}
    if not right_or_wrong:  # a number is only nearer or farther
        return groups
    for place, one in enumerate(everyone):
        groups[f"Only {one.letter} is right"] = lambda d, place=place: _alone(d, place, right=True)
        if len(everyone) > 2:  # of two runs, one alone is wrong where the other alone is right
            groups[f"Only {one.letter} is wrong"] = lambda d, place=place: _alone(d, place, right=False)
    groups["All of them are wrong"] = lambda d: not any(d.right)
    return groups


def _alone(dispute: Dispute, place: int, right: bool) -> bool:
    return [one is right for one in dispute.right] == [run == place for run in range(len(dispute.right))]


def _agreement(everyone: Sequence[Contender], shares: np.ndarray, disputed: int, total: int) -> str:
    head = f"**{disputed:,} of {total:,}** test samples are answered differently."
    if len(everyone) == 2 or not disputed:
        return head
    pairs = [(a, b) for a in range(len(everyone)) for b in range(a + 1, len(everyone))]
    a, b = min(pairs, key=lambda pair: shares[pair])
    least = f"{everyone[a].mark} and {everyone[b].mark} agree least, on {words.percent(float(shares[a, b]), 2)}"
    a, b = max(pairs, key=lambda pair: shares[pair])
    return (
        f"{head} {least}; {everyone[a].mark} and {everyone[b].mark} most, on {words.percent(float(shares[a, b]), 2)}."
    )


def _sample(dispute: Dispute, everyone: Sequence[Contender], about: Entry, raw: np.ndarray) -> None:
    label, task = about.answer(dispute.label), tasks.task(about.task)
    alt = f"Test sample {dispute.sample}, {label}"
    if not task.in_place:
        sample.show(raw, about, key=f"disputed-{dispute.sample}", alt=alt, width=SIDE)
    st.markdown(f"**{words.plain(label)}** :small[:gray[{dispute.sample}]]")
    for place, one in enumerate(everyone):
        answer = words.plain(about.answer(dispute.answers[place]))
        if task.graded:
            st.markdown(f"{one.mark} :small[{answer}]")
            continue
        right = ":green[:material/check:]" if dispute.right[place] else ":red[:material/close:]"
        sure = words.percent(dispute.confidences[place], 0)
        st.markdown(f"{one.mark} {right} :small[{answer}, {sure}]")
        if task.in_place:
            alt = f"Test sample {dispute.sample}, {answer}"
            boxes.show(raw, about, dispute.answers[place], dispute.label, alt=alt, width=SIDE)


def _more(count: int) -> None:
    st.session_state.compare_shown = count
