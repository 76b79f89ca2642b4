"""Which run a page about one file is about."""

import streamlit as st

from edgekit.core.measurement import quality
from edgekit.core.run import Run, Status
from edgekit.show import words
from edgekit.show.naming import title
from edgekit.store.store import Store
from edgekit.ui import state

OFFERED = 200  # newest runs to choose from


def pick(store: Store, page: str) -> Run:
    """The run that the address names, or the newest compressed one; and a list to choose another from.

    Args:
        store: holds at least one finished run.
        page: a word that tells this page's list from another page's.
    """
    offered = {run.id: run for run in store.list(limit=OFFERED, statuses=[Status.DONE])}
    wanted = state.selected()
    if wanted and wanted not in offered:
        offered |= {run.id: run for run in store.list(ids=[wanted], statuses=[Status.DONE])}
    newest = next((id for id, run in offered.items() if run.recipe), next(iter(offered)))
    key = f"{page}_run-{wanted}"
    chosen = st.selectbox(
        "File", list(offered), index=list(offered).index(wanted if wanted in offered else newest),
        format_func=lambda id: _described(offered[id]), key=key, on_change=_picked, args=(key,), width=560,
    )  # fmt: skip
    return offered[chosen]


def _described(run: Run) -> str:
    numbers = (words.measured(one) for one in (quality(run.measurements), run.measurements.get("size_bytes")) if one)
    return f"{title(run)} · {run.model} · {', '.join(numbers)}"


def _picked(key: str) -> None:
    state.select(st.session_state[key])
