"""The whole way from a file to an answer on another device, from what was measured here.

Decoding, preparing and answering are ordinary code: they are taken to be as much slower there as the network itself is
on one thread, by its estimate, with a band twice as wide. Where there are no rates for one thread, they are not known.
"""

from __future__ import annotations

from collections.abc import Mapping

from edgekit.core.measurement import Measurement, Origin
from edgekit.devices.estimate import WIDER

RUN = "run"


def elsewhere(here: Mapping[str, Measurement], one_thread: Measurement, there: Measurement) -> dict[str, Measurement]:
    """Every step on another device.

    Args:
        here: step -> its time on this computer, one thread; the network's own under "run".
        one_thread: the network's estimate there on one thread.
        there: its estimate in the quickest way, which takes the network's place.
    """
    slower = one_thread.value / here[RUN].value
    band = WIDER * one_thread.high / one_thread.value

    def moved(found: Measurement) -> Measurement:
        value = found.value * slower
        return Measurement(
            metric="latency_ms", value=value, low=value / band, high=value * band, origin=Origin.ESTIMATED,
            device=there.device, how=f"measured here, times {slower:.2f} as the network itself on one thread",
        )  # fmt: skip

    return {step: there if step == RUN else moved(found) for step, found in here.items()}
