"""The whole way from a file to an answer: measured on this computer, estimated on the chosen device."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import plotly.graph_objects as go
import streamlit as st

from edgekit.measure.whole import STEPS, Whole
from edgekit.show import words
from edgekit.store.store import Store
from edgekit.ui import actions, on_demand, state
from edgekit.ui.whole_way import COLOURS, stacked

if TYPE_CHECKING:
    from edgekit.core.measurement import Measurement
    from edgekit.devices.estimate import Estimate
    from edgekit.ui.devices_seen import Seen


def draw(seen: Seen, one: Estimate, store: Store) -> None:
    """A button that times it here, then a bar for this computer and one for the device."""
    on_demand.measured(
        "device_way", seen.run, store,
        caption="A person also waits while a picture is decoded, resized and scaled, and while the answer is read.",
        label="Time the whole way",
        help="Runs 32 test samples from their encoded files to their answers on this computer.",
        start=partial(actions.time_whole, run=seen.run, store=store, session=state.session()),
        show=partial(_bars, seen=seen, one=one),
    )  # fmt: skip


def figure(bars: dict[str, dict[str, Measurement]]) -> go.Figure:
    """A stacked bar for each place; what is estimated is hollow."""
    drawn = go.Figure()
    for step, title in STEPS.items():
        found = [steps[step] for steps in bars.values()]
        solid = [m.origin.value == "measured" for m in found]
        drawn.add_bar(
            y=list(bars), x=[m.value for m in found], name=title, orientation="h",
            marker={"color": [COLOURS[step] if s else "rgba(0, 0, 0, 0)" for s in solid],
                    "line": {"color": COLOURS[step], "width": 2}},
            customdata=[[words.measured(m), words.interval(m), m.origin.value] for m in found],
            hovertemplate=f"%{{y}}, {title.lower()}: %{{customdata[0]}} (%{{customdata[1]}}), %{{customdata[2]}}"
            "<extra></extra>",
        )  # fmt: skip
    return stacked(drawn)


def _bars(found: dict[str, Whole], seen: Seen, one: Estimate) -> None:
    from edgekit.devices.around import elsewhere
    from edgekit.devices.catalog import calibrations
    from edgekit.devices.estimate import estimate

    here = list(found.values())[-1].steps
    bars = {"This computer, measured": here}
    alone = any(each.threads == 1 and each.precision != "int8" for each in calibrations().get(one.device.id, []))
    if one.latency_ms and alone and one.device.kind != "microcontroller":
        one_thread = estimate(seen.file, one.device.id, threads=1, own=seen.own).latency_ms
        bars[f"{one.device.name}, estimated"] = elsewhere(here, one_thread, one.latency_ms)
    else:
        st.caption(
            f"There are no rates for one thread of {one.device.name}, so what is around the network is not known."
        )
    st.plotly_chart(
        figure(bars), key="device-way", config={"displayModeBar": False}, alt="Every step from a file to an answer"
    )
