"""What a report says of a device: a row of its table, however it was come by."""

from dataclasses import dataclass

from edgekit.core.measurement import Measurement


@dataclass(frozen=True)
class DeviceRow:
    """One device with the recommended file on it.

    Attributes:
        device: its name, for people.
        runtime: what runs the file there, and in which precision.
        latency: in milliseconds, with its origin; None where nothing is known.
        fits: whether flash and RAM hold it, in words; empty where that is not known.
        energy: of one answer, in words; empty where its power is not known.
        source: what the number rests on.
    """

    device: str
    runtime: str
    latency: Measurement | None = None
    fits: str = ""
    energy: str = ""
    source: str = ""
