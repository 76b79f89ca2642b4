"""What articles say beside what we estimate: ratios inside one source, never milliseconds across hardware."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from edgekit.show import words
from edgekit.ui.devices_one import said

if TYPE_CHECKING:
    from edgekit.devices.articles import Beside


def draw() -> None:
    """The table, with the published measurements that our estimates lie nearest to."""
    from edgekit.devices.articles import beside

    found = beside()
    ratio = lambda value: "–" if value is None else f"{words.significant(value)} ×"  # noqa: E731
    st.table(
        {
            "Network": [one.claim.title for one in found],
            "Device": [one.claim.where for one in found],
            "An article says": [words.milliseconds(one.claim.latency_ms) for one in found],
            "Estimated here": [_ours(one) for one in found],
            "How many times as quick, it says": [ratio(one.said) for one in found],
            "Estimated": [ratio(one.ours) for one in found],
            "Nearest published": [_nearest(one) for one in found],
        },
        width="stretch", alt="What articles say of devices, beside our estimates",
    )  # fmt: skip
    st.caption(
        "The articles do not say with which runtime, version or threads, nor whether reading the picture counts. So "
        "compare ratios: how many times as quick each device is than the row that the article compares it with."
    )


def _ours(one: Beside) -> str:
    found = one.estimate.latency_ms
    if found is None:
        return f":small[{words.plain(one.estimate.why_not)}]"
    parts = one.estimate.parts or {}
    split = f"; transfer {words.milliseconds(parts['transfer'])}" if parts.get("transfer") else ""
    way = f"{one.estimate.way}{split}"
    return f"about {words.measured(found)} :small[:gray[({words.interval(found)})]]  \n:small[:gray[{way}]]"


def _nearest(one: Beside) -> str:
    row = next(iter(one.estimate.rows), None)
    return f":small[{said(f'{row.model} on {row.device}')}: {words.milliseconds(row.latency_ms)}]" if row else "–"
