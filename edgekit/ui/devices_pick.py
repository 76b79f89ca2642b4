"""Which run the Devices page is about, and what is estimated of its file and of the original's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from edgekit.core.errors import EdgeKitError
from edgekit.core.measurement import quality
from edgekit.core.run import Run, Status
from edgekit.show import words
from edgekit.show.naming import title
from edgekit.store.store import Store
from edgekit.ui import state

if TYPE_CHECKING:
    from edgekit.devices.catalog import Calibration
    from edgekit.devices.estimate import Estimate

OFFERED = 100  # newest runs to choose from
COMPUTING = "Working out every layer"


@dataclass(frozen=True)
class Seen:
    """A run with its file, and for every device the estimate of it and of the original; the same where it is that."""

    run: Run
    file: Path
    original: Path
    after: list[Estimate]
    before: list[Estimate]
    own: list[Calibration]

    def of(self, device: str) -> tuple[Estimate, Estimate]:
        """(original, file) on one device."""
        place = next(n for n, one in enumerate(self.after) if one.device.id == device)
        return self.before[place], self.after[place]


def pick(store: Store) -> Run:
    """The run that the address names, or the newest compressed one; and a list to choose another from."""
    offered = {run.id: run for run in store.list(limit=OFFERED, statuses=[Status.DONE])}
    wanted = state.selected()
    if wanted and wanted not in offered:
        offered |= {run.id: run for run in store.list(ids=[wanted], statuses=[Status.DONE])}
    newest = next((id for id, run in offered.items() if run.recipe), next(iter(offered)))
    first = wanted if wanted in offered else newest
    key = f"devices_run-{wanted}"
    chosen = st.selectbox(
        "File", list(offered), index=list(offered).index(first), format_func=lambda id: _described(offered[id]),
        key=key, on_change=_picked, args=(key,), width=560,
    )  # fmt: skip
    return offered[chosen]


def look(run: Run, store: Store) -> Seen | None:
    """Estimates for all devices; None, and why, where a file is gone or cannot be counted."""
    from edgekit.devices import own
    from edgekit.devices.estimate import estimates

    try:
        file = Path(store.file(run.artifact.sha256))
        base = run if run.is_baseline or run.baseline is None else store.get(run.baseline)
        original = Path(store.file(base.artifact.sha256))
        with st.spinner(COMPUTING, show_time=False):
            mine = own.own(store)
            return Seen(run, file, original, estimates(file, mine), estimates(original, mine), mine)
    except EdgeKitError as error:
        st.info(str(error), icon=":material/info:")
        return None


def _described(run: Run) -> str:
    good, size = words.measured(quality(run.measurements)), words.measured(run.measurements.get("size_bytes"))
    return f"{title(run)} · {run.model} · {good}, {size}"


def _picked(key: str) -> None:
    state.select(st.session_state[key])
