"""Two to six runs side by side: their numbers, layers, confusions, and the samples that they answer differently."""

from edgekit.ui.router import ensure_router

ensure_router()

import streamlit as st

from edgekit.core.run import Status
from edgekit.data.catalog import entry
from edgekit.tasks import task
from edgekit.ui import state
from edgekit.ui.compare_confusion import confusions
from edgekit.ui.compare_layers import layers
from edgekit.ui.compare_numbers import numbers
from edgekit.ui.compare_pick import FEWEST, contenders, legend, pick
from edgekit.ui.compare_samples import samples
from edgekit.ui.empty import empty

st.title("Compare", anchor=False)
store = state.store()
if store.count(statuses=[Status.DONE]) < FEWEST:
    empty(
        ":material/compare_arrows:",
        "Nothing to compare yet",
        "Two finished runs are needed. Compress a network in two ways, and see here what each way costs.",
        "pages/workbench.py",
        "Compress a network",
    )
    st.stop()

runs = pick(store)
everyone = contenders(runs)
if everyone:
    legend(everyone)
if len(everyone) < FEWEST:
    st.info("Add another run to compare: at least two are needed.", icon=":material/arrow_upward:")
    st.stop()

st.header("Numbers", anchor=False)
numbers(everyone)
st.header("Layers", anchor=False)
layers(everyone)
if len({run.data for run in runs}) > 1:
    st.info("These runs were scored on different data, so they share no classes and no samples.")
    st.stop()
about = entry(runs[0].data)
if task(about.task).classes and about.classes:
    st.header("Confusion", anchor=False)
    confusions(everyone, about.classes)
st.header("Where they disagree", anchor=False)
samples(everyone, about, store)
