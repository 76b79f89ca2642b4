"""Which search the Autopilot shows: that of the address, else the latest of the model."""

from datetime import datetime

import streamlit as st

from edgekit.search.autopilot.kept import Search, latest
from edgekit.store.store import Store
from edgekit.ui import state
from edgekit.ui.header import Choice

OFFERED = 20


def pick(choice: Choice, store: Store) -> Search | None:
    """The search to show, and a list of the earlier ones; None where there is none yet."""
    kept = {one.id: one for one in latest(store, choice.model, OFFERED)}
    if not kept:
        return None
    wanted = state.search() if state.search() in kept else next(iter(kept))
    if len(kept) > 1:
        st.session_state["searches"] = wanted
        st.selectbox(
            "Searches", list(kept), format_func=lambda id: title(kept[id]), key="searches", on_change=_another
        )  # fmt: skip
    return kept[wanted]


def title(kept: Search) -> str:
    """When it began, what it is asked for, and how it stands."""
    began = datetime.fromtimestamp(kept.created).strftime("%d %b %H:%M")
    return f"{began} · {', '.join(kept.limits)} · {kept.status}"


def nothing_yet() -> None:
    """What will be here."""
    with st.container(border=True, key="no_search"):
        st.markdown("**Say what the file must hold, and press Search.**")
        st.markdown(
            "Recipes are measured in turn: first those that are known to do well, then what the measurements suggest. "
            "The best that holds every limit on validation samples is then scored once on the test set."
        )


def _another() -> None:
    state.look_at_search(st.session_state["searches"])
