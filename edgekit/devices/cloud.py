"""On the device, or in the cloud? What one answer takes, what leaves the device, and what a million of them cost.

Every assumption is a setting; the defaults are round numbers to begin with, not measurements.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, Field

from edgekit.core.knobs import Knob

MILLION = 1_000_000


class Assumptions(BaseModel, frozen=True):
    """What one supposes about the network and the cloud."""

    round_trip_ms: Annotated[float, Knob("From the device to the data centre and back.", unit="ms")] = Field(60.0, ge=0)
    upload_mbit: Annotated[float, Knob("What the device can send.", unit="Mbit/s")] = Field(10.0, gt=0)
    server_ms: Annotated[float, Knob("One answer on the server, waiting included.", unit="ms")] = Field(10.0, ge=0)
    payload_kb: Annotated[float, Knob("What one call sends: a compressed picture, say.", unit="kB")] = Field(50.0, gt=0)
    dollars_per_1000: Annotated[float, Knob("What a thousand calls cost.", unit="$")] = Field(0.5, ge=0)
    dollars_per_kwh: Annotated[float, Knob("What the device's electricity costs.", unit="$")] = Field(0.30, ge=0)


@dataclass(frozen=True)
class Side:
    """One way to get an answer.

    Attributes:
        milliseconds: until it is there; None where it is not known.
        bytes_out: what leaves the device for each.
        dollars: of a million; None where it is not known.
    """

    milliseconds: float | None
    bytes_out: float
    dollars: float | None


def on_device(latency_ms: float | None, energy_mj: float | None, assumed: Assumptions) -> Side:
    """Nothing leaves the device; it pays with electricity."""
    kwh = None if energy_mj is None else energy_mj / 1e3 * MILLION / 3.6e6
    return Side(latency_ms, 0.0, None if kwh is None else kwh * assumed.dollars_per_kwh)


def in_cloud(assumed: Assumptions) -> Side:
    """The payload goes up, the server answers."""
    sending = assumed.payload_kb * 8 / assumed.upload_mbit  # kB · 8 / (Mbit/s) = ms
    waiting = assumed.round_trip_ms + sending + assumed.server_ms
    return Side(waiting, assumed.payload_kb * 1e3, assumed.dollars_per_1000 * MILLION / 1e3)
