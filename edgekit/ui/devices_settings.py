"""What is asked on the Devices page: which battery, how many answers a second, and which device to look at closely."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from edgekit.devices.catalog import devices
from edgekit.devices.energy import BATTERIES, Battery
from edgekit.ui.header import budget_of_session, on_device

if TYPE_CHECKING:
    from edgekit.ui.devices_seen import Seen

FIRST = "raspberry-pi-4"


def energy_settings() -> tuple[Battery, float]:
    """A battery, and answers a second."""
    with st.container(horizontal=True, vertical_alignment="top", gap="medium"):
        battery = st.selectbox(
            "Battery", list(BATTERIES), index=3, format_func=lambda key: BATTERIES[key].name, key="battery",
            bind="query-params", width=240,
        )  # fmt: skip
        rate = st.number_input(
            "Answers a second", 0.001, 10_000.0, 30.0, format="%g", key="rate", bind="query-params", width=180,
            help="For average watts: idle power, and what being busy adds to it.",
        )  # fmt: skip
    return BATTERIES[battery], rate


def budget_there() -> tuple[str, float] | None:
    """A device's name and the most milliseconds there, where the budget names one: at first the Workbench's."""
    with st.popover("Budget on a device", icon=":material/edit:", type="tertiary", key="devices_budget"):
        device, latency = on_device(budget_of_session())
    return (devices()[device].name, latency) if device else None


def device_chosen(seen: Seen) -> str:
    """The id of the device to look at closely."""
    names = {one.device.id: one.device.name for one in seen.after}
    return st.selectbox(
        "Device", list(names), index=list(names).index(FIRST), format_func=names.__getitem__, key="device",
        bind="query-params", width=420,
    )  # fmt: skip
