"""Layers: what each layer can bear, a choice for each, and what compression did to the layers of a file."""

from edgekit.ui.router import ensure_router

ensure_router()

import streamlit as st

from edgekit.data.catalog import entry
from edgekit.search.layer_choices import AXES
from edgekit.search.layer_sensitivity import chosen_samples, known_table
from edgekit.ui import header, layer_choice, layer_run, look, sections, state
from edgekit.ui.data_gate import data_gate
from edgekit.ui.models_build import model_gate

st.title("Layers", anchor=False)
choice = header.choose()
if not (data_gate(choice.card.data) and model_gate(choice.model)):
    st.stop()
store, samples = state.store(), chosen_samples(choice.card.data)


def table():
    """What is known of the model's layers by now."""
    return known_table(choice.card.sha256, samples, store)


sections.job(choice, store, grown=table)
st.header("What each layer can bear", anchor=False)
names = {axis.heading: axis for axis in AXES.values()}
axis = names[
    st.segmented_control(
        "Compress by", list(names), default=next(iter(names)), required=True, key="layer_axis", bind="query-params"
    )
]
known = table()
if entry(choice.card.data).synthetic:
    st.info("The inputs of this model are random, so what is lost on them says nothing.", icon=":material/casino:")
else:
    layer_choice.measure(known, axis, choice, store)
    if known is not None:
        layer_choice.draw(known, axis, choice, store)

st.header("What compression did to them", anchor=False)
run = layer_run.pick(choice.model, look.samples(choice), store)
if run is None:
    st.caption("Nothing is compressed yet. Choose cells above and compress, or use the Workbench.")
else:
    layer_run.draw(run, store)
