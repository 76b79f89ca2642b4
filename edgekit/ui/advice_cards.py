"""Advisor cards: why a number is what it is, and what to try next, with an Apply where there is something to try."""

import streamlit as st

from edgekit.core.budget import Budget
from edgekit.core.run import Run
from edgekit.search.advice import advise
from edgekit.ui import controls

ICONS = {"why": ":material/help:", "good": ":green[:material/check_circle:]", "next": ":primary[:material/lightbulb:]"}


def draw(run: Run, baseline: Run | None, budget: Budget) -> None:
    """The cards, in as many columns as fit."""
    found = advise(run, baseline, budget) if baseline is not None else []
    if not found:
        st.caption("Nothing to remark on this file.")
        return
    with st.grid("auto", min_column_width=320, gap="small"):
        for advice in found:
            with st.container(border=True, height="stretch", key=f"advice-{advice.id}"):
                st.markdown(f"{ICONS[advice.tone]} **{advice.title}**")
                st.markdown(advice.why)
                if advice.recipe is not None:
                    st.space("stretch")
                    st.button(
                        "Apply", icon=":material/play_arrow:", key=f"apply-{advice.id}", on_click=controls.load,
                        args=(advice.recipe,), help="Set the controls to this recipe and measure it.",
                    )  # fmt: skip
