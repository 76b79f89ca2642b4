"""The models and data sets that there are, with everything one should know before trusting them."""

from edgekit.ui.router import ensure_router

ensure_router()

import streamlit as st

from edgekit.data.catalog import brought, entries
from edgekit.models import samples, uploads
from edgekit.ui import models_bring_data, models_uploads
from edgekit.ui.models_cards import model_cards
from edgekit.ui.models_data import data_cards

st.title("Models & data", anchor=False)
st.header("Your models", anchor=False)
models_uploads.add()
models_uploads.cards(uploads.cards())
st.header("Sample models", anchor=False)
st.markdown(
    "Networks trained by us on public data, each with a script that trains it again from nothing. "
    "Of a few that articles measure by, only the shape is here: their size, memory and latency are real, their weights "
    "are random."
)
model_cards(samples.cards())
st.header("Data sets", anchor=False)
models_bring_data.add()
st.markdown("Every download is checked against its published checksum before it is used.")
data_cards({name: about for name, about in (brought() | entries()).items() if not about.synthetic})
