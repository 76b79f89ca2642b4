"""What limits that name a device are held against: its board's measurement where somebody brought one back, or else an
estimate of the file, by a person's own rates where there are any."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from edgekit.core.budget import Limit
from edgekit.core.errors import EdgeKitError
from edgekit.core.measurement import Measurement
from edgekit.core.run import Run
from edgekit.devices import own
from edgekit.devices.energy import average
from edgekit.devices.estimate import Estimate, estimate
from edgekit.devices.read import read


def foreseen(run: Run, limits: Iterable[Limit]) -> dict[str, Measurement]:
    """The key of each limit that names a device -> what is known of the run's file there; the others are left out."""
    found = {}
    for limit in limits:
        if limit.device and (known := _known(run, limit)):
            found[limit.key] = known
    return found


def _known(run: Run, limit: Limit) -> Measurement | None:
    boards = [one for one in run.boards if one.device == limit.device]
    mine = ("", run.artifact.sha256 if run.artifact else "")
    board = min(boards, key=lambda one: one.file not in mine, default=None)  # of an export only where no other is
    if board is not None and limit.metric == "latency_ms":
        return board.latency
    one = _estimate(run, limit.device)
    if one is None or limit.metric == "latency_ms":
        return one and one.latency_ms
    if limit.metric == "energy_mj":
        return one.energy_mj
    time = board.latency if board is not None else one.latency_ms
    return average(time, one.device.power, limit.rate) if time and one.device.power else None


def _estimate(run: Run, device: str) -> Estimate | None:
    """None where the file is not on this machine, or cannot be read layer by layer: then nothing is known."""
    if run.artifact is None:
        return None
    try:
        return estimate(read(Path(run.artifact.path), run.artifact.sha256), device, own=own.rates())
    except EdgeKitError:
        return None
