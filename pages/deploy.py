"""Deploy: take a run home, in the format of the runtime that it will live in, checked in that runtime."""

from edgekit.ui.router import ensure_router

ensure_router()

import streamlit as st

from edgekit.core.run import Status
from edgekit.ui import deploy_fastest, deploy_formats, deploy_home, deploy_results, jobs_view, live, state
from edgekit.ui.empty import empty
from edgekit.ui.report_block import report_block
from edgekit.ui.run_pick import pick

st.title("Deploy", anchor=False)
store = state.store()
if not store.count(statuses=[Status.DONE]):
    empty(
        ":material/deployed_code:",
        "Nothing to deploy yet",
        "Compress a network first. Then take it home here, for phones, boards and microcontrollers.",
        "pages/workbench.py",
        "Compress a network",
    )
    st.stop()

run = pick(store, "deploy")
file = deploy_home.file(run, store)
if file is None:
    st.stop()
deploy_home.take_home(run, store)

watched = state.job()
if watched is not None and not live.job_is_lost(watched):
    jobs_view.job_panel(watched, on_end=deploy_home.ended)

st.header("Formats", anchor=False)
deploy_formats.draw(run, file)
st.header("What came out", anchor=False)
deploy_results.draw(run)
st.header("Fastest here", anchor=False)
deploy_fastest.draw(run)
st.header("To show and to keep", anchor=False)
report_block(run, store)
