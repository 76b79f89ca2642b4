"""One device in full: what its time is made of, what of the file it refuses, the layer that needs most memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
import streamlit as st

from edgekit.show import words
from edgekit.ui.whole_way import stacked

if TYPE_CHECKING:
    from edgekit.devices.catalog import Published
    from edgekit.devices.estimate import Estimate

PARTS = {
    "compute": ("Compute", "#2F7DE1"),
    "memory": ("Waiting for memory", "#D9730D"),
    "transfer": ("Transfer", "#9A5CD0"),
    "calls": ("Starting layers", "#0E9384"),
    "start": ("Starting a run", "#6B7280"),
}
HEIGHT = 150


def draw(before: Estimate, after: Estimate) -> None:
    """Cards, the bar, sentences, and the published measurements that are nearest."""
    _cards(before, after)
    for problem in (*after.room.problems, *after.refused):
        st.warning(f"{after.device.name} {words.plain(problem)}.", icon=":material/block:")
    if after.parts:
        st.plotly_chart(
            bars(before, after), key="device-parts", config={"displayModeBar": False},
            alt=f"What the time on {after.device.name} is made of, estimated",
        )  # fmt: skip
    told = [after.why_not or after.latency_ms.how, *after.notes]
    told.append(f"Peak of activations at layer {after.room.peak}")
    if after.energy_mj:
        told.append(after.energy_mj.how)
    elif after.device.no_power:
        told.append(f"No energy: {after.device.no_power}")
    st.markdown("\n".join(f"- :small[{said(one)}]" for one in told))
    if after.rows:
        st.markdown("**Published nearest to it**")
        st.table(rows(after.rows), width="stretch")


def bars(before: Estimate, after: Estimate) -> go.Figure:
    """A stacked bar for the original and one for the file."""
    shown = {"Original": before.parts, "This file": after.parts}
    shown = {name: parts for name, parts in shown.items() if parts}
    if before.parts == after.parts:
        shown.pop("Original", None)
    drawn = go.Figure()
    for part, (title, colour) in PARTS.items():
        times = [parts.get(part, 0.0) for parts in shown.values()]
        if any(times):
            drawn.add_bar(
                y=list(shown), x=times, name=title, orientation="h",
                marker={"color": "rgba(0, 0, 0, 0)", "line": {"color": colour, "width": 2},
                        "pattern": {"shape": "/", "fgcolor": colour, "size": 6, "solidity": 0.25}},
                hovertemplate=f"%{{y}}, {title.lower()}: about %{{x:.3~g}} ms, estimated<extra></extra>",
            )  # fmt: skip
    return stacked(drawn, "ms for one sample, estimated", HEIGHT)


def rows(published: tuple[Published, ...]) -> dict[str, list[str]]:
    """Published measurements as a table, each with its source."""
    return {
        "Network": [f"{one.model} {one.input}".strip() for one in published],
        "MACs": [words.count(one.macs) if one.macs else "–" for one in published],
        "Device": [said(one.device) for one in published],
        "Runtime": [f"{one.runtime}, {one.precision}" for one in published],
        "Latency": [words.milliseconds(one.latency_ms) for one in published],
        "Energy": [
            "–" if one.energy_uj is None else f"{words.significant(one.energy_uj / 1e3)} mJ" for one in published
        ],
        "Source": [f":small[{said(one.source)}]" for one in published],
    }


def said(text: str) -> str:
    """Somebody else's words in Markdown; 4xA72@1.8GHz is no address to write to."""
    return words.plain(text.replace("@", " at "))


def _cards(before: Estimate, after: Estimate) -> None:
    time, room = after.latency_ms, after.room
    changed = time and before.latency_ms and time != before.latency_ms
    moved = words.times(time.value / before.latency_ms.value, "faster", "slower") if changed else None
    with st.grid(3, min_column_width=200, gap="small"):
        with st.container(border=True, height="stretch", gap="xsmall"):
            st.metric("Latency, estimated", words.measured(time), moved, "blue", delta_arrow="off")
            st.caption(f"80 %: {words.interval(time)}" if time else "not known")
        with st.container(border=True, height="stretch", gap="xsmall"):
            verdict = "fits" if room.fits else "does not fit"
            st.metric("Memory", words.size(room.ram_bytes), verdict, "green" if room.fits else "red", delta_arrow="off")
            flash = "" if room.flash_bytes is None else f"; {words.size(room.flash_bytes)} of flash"
            st.caption(f"of {words.size(room.ram_limit)}{flash}")
        with st.container(border=True, height="stretch", gap="xsmall"):
            energy = after.energy_mj
            less = changed and energy and before.energy_mj
            cheaper = words.times(energy.value / before.energy_mj.value, "less", "more") if less else None
            st.metric("Energy, estimated", words.measured(energy), cheaper, "blue", delta_arrow="off")
            st.caption(f"80 %: {words.interval(energy)}" if energy else "no power data means no number")
