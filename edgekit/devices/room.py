"""Whether a network fits into a device: its file into flash, its weights and activations into RAM."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit.core.numbers import size
from edgekit.devices.catalog import Device
from edgekit.devices.layers import Precision
from edgekit.devices.read import Network


@dataclass(frozen=True)
class Room:
    """What a network needs of a device's memory, and what there is.

    Attributes:
        ram_bytes: activations at their peak, and weights where they are not read from flash. The runtime itself comes
            on top: tens of kB on a microcontroller, tens of MB elsewhere.
        flash_bytes: the file; None where it lies on a disk or card.
        peak: the layer at which activations are largest.
    """

    ram_bytes: int
    ram_limit: int
    flash_bytes: int | None
    flash_limit: int | None
    peak: str

    @property
    def fits(self) -> bool:
        """Whether all of it fits."""
        return not self.problems

    @property
    def problems(self) -> list[str]:
        """What does not fit, in sentences."""
        found = []
        if self.ram_bytes > self.ram_limit:
            found.append(
                f"needs {size(self.ram_bytes)} of RAM and there are {size(self.ram_limit)}; "
                f"activations are largest at {self.peak}"
            )
        if self.flash_bytes is not None and self.flash_bytes > self.flash_limit:
            found.append(f"needs {size(self.flash_bytes)} of flash and there are {size(self.flash_limit)}")
        return found


def room(network: Network, device: Device, precision: Precision) -> Room:
    """What a network needs of a device's memory.

    Args:
        precision: that it runs in; floats that run in half precision take half of the bytes.
    """
    half = network.precision == "fp32" and precision == "fp16"
    weights, activations = (count // (2 if half else 1) for count in (network.weight_bytes, network.peak.bytes))
    in_flash = device.flash_bytes is not None
    return Room(
        ram_bytes=activations + (0 if in_flash else weights),
        ram_limit=device.ram_bytes,
        flash_bytes=network.bytes if in_flash else None,
        flash_limit=device.flash_bytes,
        peak=network.peak.step,
    )
