"""Devices: what a file would do on hardware that is not here, and what it really did on hardware that somebody has."""

from edgekit.ui.router import ensure_router

ensure_router()

import streamlit as st

from edgekit.core.run import Status
from edgekit.ui import devices_articles, devices_cloud, devices_kit, devices_one, devices_seen, devices_way, state
from edgekit.ui.devices_chart import figure
from edgekit.ui.devices_settings import budget_there, device_chosen, energy_settings
from edgekit.ui.devices_table import table
from edgekit.ui.empty import empty
from edgekit.ui.run_pick import pick

st.title("Devices", anchor=False)
store = state.store()
if not store.count(statuses=[Status.DONE]):
    empty(
        ":material/developer_board:",
        "Nothing to take anywhere yet",
        "Compress a network first, and see here what its file would do on 19 devices.",
        "pages/workbench.py",
        "Compress a network",
    )
    st.stop()

run = pick(store, "devices")
seen = devices_seen.look(run, store)
if seen is None:
    st.stop()
st.caption(
    "Hollow marks are estimates, worked out layer by layer from published measurements of other networks; their bars "
    "hold 80 % of the networks that were left out of the fit. Solid marks were measured."
)
limit = budget_there()
st.plotly_chart(
    figure(run, seen.before, seen.after, limit), key="devices", config={"displayModeBar": False},
    alt=f"Estimated latency of this file on {len(seen.after)} devices",
)  # fmt: skip
battery, rate = energy_settings()
st.table(table(seen, battery, rate), width="stretch", alt="Time, memory and energy on every device, estimated")

st.header("One device", anchor=False)
before, after = seen.of(device_chosen(seen))
devices_one.draw(before, after)
st.subheader("From a file to an answer", anchor=False)
devices_way.draw(seen, after, store)
st.subheader("Validate on the real thing", anchor=False)
devices_kit.draw(run, after.device, store)
st.subheader("On the device, or in the cloud?", anchor=False)
devices_cloud.draw(after)
st.header("What articles say", anchor=False)
devices_articles.draw()
