"""Workbench: choose a model, move two sliders, see on two charts where the network lands, and download the file."""

from edgekit.ui.router import ensure_router

ensure_router()

import streamlit as st

from edgekit.ui import controls, ghost_note, header, live, look, sections, state
from edgekit.ui.actions import Wish
from edgekit.ui.data_gate import data_gate
from edgekit.ui.models_build import model_gate

choice = header.choose()
if not (data_gate(choice.card.data) and model_gate(choice.model)):
    st.stop()

chips = st.container()
left, right = st.columns([1, 2.7], gap="medium")
with left:
    with st.container(border=True, key="controls"):
        recipe = controls.recipe(choice.model)
        each_step = controls.each_step()
        answer = st.container()
    explore = st.container()

store = state.store()
wish = None if recipe is None else Wish(choice.model, recipe, choice.samples, each_step)
seen = look.points(choice, store)
known = live.known(wish, seen, store)
live.follow(wish, known)
view = look.view(choice, seen, store)

with answer:
    live.panel(wish, known)
with chips:
    budget = header.budget(view.run, view.baseline, choice.card)
with right:
    sections.job(choice, store)
    sections.headline_cards(view, budget, choice.card)
    sections.charts(view, budget, live.ghost(wish, known, view.baseline), choice.card)
    sections.chart_elsewhere(view, budget, store)
    ghost_note.draw(choice, view, store)
with explore:
    sections.explore(choice, store)
sections.details(view, budget, choice.card, store)
