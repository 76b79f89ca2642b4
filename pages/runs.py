"""Every run there is, also those that failed, were cancelled or interrupted."""

from edgekit.ui.router import ensure_router

ensure_router()

import streamlit as st

from edgekit.ui import runs_table, state
from edgekit.ui.empty import empty
from edgekit.ui.runs_actions import toolbar, why_stopped

st.title("Runs", anchor=False)
store = state.store()
if not store.count():
    empty(
        ":material/history:",
        "No runs yet",
        "Every network that you compress is kept here, with its recipe, its numbers and its file.",
        "pages/workbench.py",
        "Compress a network",
    )
    st.stop()

wanted = runs_table.filters(list(state.model_titles()))
pages = runs_table.pages_of(store.count(**wanted))
runs = runs_table.page_of(store, wanted, pages)
actions = st.container()
if runs:
    ticked = runs_table.table(runs)
else:
    st.info("No run fits these filters.", icon=":material/filter_alt_off:")
    ticked = []
with actions:
    toolbar(store, ticked)
why_stopped(ticked)
runs_table.turn_pages(pages)
