"""Advisor cards: why a number is what it is, and what to try next, with an Apply where there is something to try."""

import streamlit as st

from edgekit.core.budget import Budget
from edgekit.core.run import Run
from edgekit.search.advice import Advice, advise, beside
from edgekit.store.store import Store
from edgekit.ui import controls, header

ICONS = {"why": ":material/help:", "good": ":green[:material/check_circle:]", "next": ":primary[:material/lightbulb:]"}


def draw(run: Run, baseline: Run | None, budget: Budget, store: Store) -> None:
    """The cards, in as many columns as fit."""
    found = advise(run, baseline, budget, beside(run, store)) if baseline is not None else []
    if not found:
        st.caption("Nothing to remark on this file.")
        return
    with st.grid("auto", min_column_width=320, gap="small"):
        for advice in found:
            with st.container(border=True, height="stretch", key=f"advice-{advice.id}"):
                st.markdown(f"{ICONS[advice.tone]} **{advice.title}**")
                st.markdown(advice.why)
                if advice.recipe is not None or advice.budget is not None:
                    st.space("stretch")
                    with st.container(horizontal=True):
                        _buttons(advice)


def _buttons(advice: Advice) -> None:
    if advice.recipe is not None:
        st.button(
            "Apply", icon=":material/play_arrow:", key=f"apply-{advice.id}", on_click=_apply, args=(advice,),
            help="Set the controls to this recipe and measure it.",
        )  # fmt: skip
    if advice.budget is not None:
        st.button(
            "Relax the budget", icon=":material/open_in_full:", key=f"relax-{advice.id}",
            on_click=header.settle_for, args=(advice.budget,), help="Set the budget to what that run holds.",
        )  # fmt: skip


def _apply(advice: Advice) -> None:
    if advice.model:
        header.turn_to(advice.model)
    controls.load(advice.recipe)
