"""What is estimated of a run's file, and of the original's, on every device."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from edgekit.core.errors import EdgeKitError
from edgekit.core.run import Run
from edgekit.store.store import Store

if TYPE_CHECKING:
    from edgekit.devices.catalog import Calibration
    from edgekit.devices.estimate import Estimate

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
