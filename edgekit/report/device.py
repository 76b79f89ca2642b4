"""What a report says of a device: a row of its table, however it was come by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.core.errors import EdgeKitError
from edgekit.core.measurement import Measurement
from edgekit.core.numbers import threads
from edgekit.core.run import OnBoard, Run
from edgekit.store.store import Store

if TYPE_CHECKING:
    from edgekit.devices.estimate import Estimate


@dataclass(frozen=True)
class DeviceRow:
    """One device with the recommended file on it.

    Attributes:
        device: its name, for people.
        runtime: what runs the file there, and in which precision.
        latency: in milliseconds, with its origin; None where nothing is known.
        fits: whether flash and RAM hold it, in words; empty where that is not known.
        energy: of one answer, in millijoules, always estimated; None where the device's power is not known.
        source: what the number rests on.
    """

    device: str
    runtime: str
    latency: Measurement | None = None
    fits: str = ""
    energy: Measurement | None = None
    source: str = ""


def elsewhere(run: Run, store: Store) -> list[DeviceRow]:
    """What is known of a run's file on other devices: what boards measured, then estimates for those that have one."""
    from edgekit.devices import own
    from edgekit.devices.estimate import estimates

    boards = [_measured(one) for one in run.boards]
    try:
        found = estimates(Path(run.artifact.path), own.own(store)) if run.artifact else []
    except EdgeKitError:  # of a file that is gone, or that no layers can be read from: then nothing is known
        found = []
    return [*boards, *(_estimated(one) for one in found if one.latency_ms)]


def _measured(one: OnBoard) -> DeviceRow:
    return DeviceRow(one.board, f"{one.runtime}, {threads(one.threads)}", one.latency, source=one.latency.how)


def _estimated(one: Estimate) -> DeviceRow:
    return DeviceRow(
        device=one.device.name,
        runtime=one.way,
        latency=one.latency_ms,
        fits="fits" if one.room.fits else "; ".join(one.room.problems),
        energy=one.energy_mj,
        source=one.latency_ms.how,
    )
