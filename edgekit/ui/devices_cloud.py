"""On the device or in the cloud: time, what leaves the device, what a million answers cost, by one's own numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from edgekit.core.knobs import build, knobs
from edgekit.devices.cloud import Assumptions, Side, in_cloud, on_device
from edgekit.show import words
from edgekit.ui.form import form

if TYPE_CHECKING:
    from edgekit.devices.estimate import Estimate

CENT = 0.01  # dollars


def draw(one: Estimate) -> None:
    """Two cards, and the assumptions to change."""
    with st.popover("Assumptions", icon=":material/edit:", key="cloud_assumptions"):
        given = form(knobs(Assumptions), {}, "cloud")
    assumed = build(Assumptions, "The assumptions", given)
    energy = one.energy_mj and one.energy_mj.value
    with st.grid(2, min_column_width=260, gap="small"):
        _card(f"On {one.device.name}", on_device(one.latency_ms and one.latency_ms.value, energy, assumed), "estimated")
        _card("In the cloud", in_cloud(assumed), "by the assumptions")
    st.caption(
        f"Assumed: {assumed.round_trip_ms:g} ms of round trip, {assumed.payload_kb:g} kB up at {assumed.upload_mbit:g} "
        f"Mbit/s, {assumed.server_ms:g} ms on the server, {assumed.dollars_per_1000:g} $ for a thousand calls, "
        f"{assumed.dollars_per_kwh:g} $ a kWh. None of it is measured."
    )


def _card(title: str, side: Side, how: str) -> None:
    with st.container(border=True, height="stretch", gap="xsmall"):
        st.markdown(f"**{title}**")
        time = "not known" if side.milliseconds is None else f"about {words.milliseconds(side.milliseconds)}"
        cost = "not known: no power data" if side.dollars is None else _money(side.dollars)
        leaves = f"{words.size(side.bytes_out)} for each" if side.bytes_out else "nothing"
        st.markdown(
            f"- An answer takes {time} :small[:gray[({how})]]\n- Leaves the device: {leaves}\n"
            f"- A million answers: {cost}"
        )


def _money(dollars: float) -> str:
    """To the cent, as far as there are whole ones."""
    return f"{dollars:,.2f} $" if dollars >= CENT or dollars == 0 else "less than a cent"
