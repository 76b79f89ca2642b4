"""Autopilot: limits in, the best recipe out; and plain grids of settings."""

from edgekit.ui.router import ensure_router

ensure_router()

import streamlit as st

from edgekit.ui import autopilot_ask, autopilot_found, autopilot_pick, autopilot_sweep, autopilot_watch, header, state
from edgekit.ui.data_gate import data_gate
from edgekit.ui.models_build import model_gate

st.title("Autopilot", anchor=False)
choice = header.choose()
if not (data_gate(choice.card.data) and model_gate(choice.model)):
    st.stop()

store = state.store()
search_tab, sweep_tab = st.tabs(["Search", "Grid"])
with search_tab:
    left, right = st.columns([1, 2.7], gap="medium")
    with left:
        autopilot_ask.form(choice, store)
        kept = autopilot_pick.pick(choice, store)
    with right:
        if kept is None:
            autopilot_pick.nothing_yet()
        else:
            autopilot_watch.draw(kept, choice, store)
            autopilot_found.draw(kept, choice, store)
with sweep_tab:
    autopilot_sweep.draw(choice, store)
