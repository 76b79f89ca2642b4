"""Before → after on the page: the cards of the selected file, in as many columns as fit."""

import streamlit as st

from edgekit.core.budget import Budget
from edgekit.core.run import Run
from edgekit.models.about import About
from edgekit.show.cards import cards


def draw(run: Run, budget: Budget, about: About) -> None:
    """The cards, in as many columns as fit."""
    shown = cards(run, budget, about)
    with st.grid(len(shown), min_column_width=148, gap="small"):
        for card in shown:
            with st.container(border=True, height="stretch", gap="xsmall"):
                st.metric(card.title, card.value, card.moved, card.verdict, delta_arrow="off", help=card.help)
                st.caption("  \n".join(line for line in (card.before, card.band) if line) or "the original")
