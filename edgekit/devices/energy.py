"""What an inference costs a battery: active power times time, with the bands of both.

Never from tables of picojoules an operation: on a Cortex-M4, ResNet-8 was measured at 440 pJ a multiply-accumulate in
integers, where such a table says 0.23 (Horowitz 2014, ISSCC): moving data, waiting, and the rest of the chip decide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from edgekit.core.measurement import Measurement, Origin
from edgekit.devices.catalog import Power

USABLE = 0.8  # of what is printed on a battery


@dataclass(frozen=True)
class Battery:
    """What a battery holds when it is full.

    Attributes:
        joules: charge × voltage, as printed.
    """

    name: str
    joules: float


BATTERIES = {  # charge and voltage as usually printed; recalled, but for the phone's, which is from its filing
    "cr2032": Battery("CR2032 coin cell", 2430),
    "2xAA": Battery("two AA cells", 27000),
    "lipo-500": Battery("500 mAh LiPo (wearable)", 6660),
    "18650": Battery("18650 cell", 38880),
    "iphone-14-pro": Battery("iPhone 14 Pro's battery", 44568),
    "power-bank": Battery("10 000 mAh power bank", 133200),
}


def energy(latency: Measurement, power: Power) -> Measurement:
    """Millijoules of one inference; the band holds that of the time and that of the power."""
    value = power.active_w * latency.value  # W · ms = mJ
    factor = math.exp(_spread(latency, power))
    return Measurement(
        metric="energy_mj", value=value, low=value / factor, high=value * factor,
        origin=Origin.ESTIMATED, device=latency.device,
        how=f"{power.active_w:g} W at work × {latency.value:.3g} ms; 80 % band; power: {power.source}",
    )  # fmt: skip


def charges(energy: Measurement, battery: Battery) -> tuple[float, float, float]:
    """Inferences out of one full battery, one after another: value, low, high."""
    usable = USABLE * battery.joules * 1e3
    return usable / energy.value, usable / energy.high, usable / energy.low


def average(latency: Measurement, power: Power, rate: float) -> Measurement | None:
    """Average watts at so many inferences a second, as `watts` has them; the band is that of what being busy adds."""
    value = watts(latency.value, power, rate)
    if value is None:
        return None
    added = value - power.idle_w
    factor = math.exp(_spread(latency, power))
    return Measurement(
        metric="power_w", value=value, low=power.idle_w + added / factor, high=power.idle_w + added * factor,
        origin=Origin.ESTIMATED, device=latency.device,
        how=f"{power.idle_w:g} W idle, {power.active_w:g} W at work, {rate:g} a second of {latency.value:.3g} ms; 80 % "
        f"band; power: {power.source}",
    )  # fmt: skip


def watts(latency_ms: float, power: Power, rate: float) -> float | None:
    """Average watts at so many inferences a second: idle, and what being busy adds to it.

    None where it cannot hold that rate, or where idle power is not known.
    """
    busy = rate * latency_ms / 1e3
    if busy > 1 or power.idle_w is None:
        return None
    return power.idle_w + (power.active_w - power.idle_w) * busy


def _spread(latency: Measurement, power: Power) -> float:
    """The logarithm of how far time × power may be off, either way."""
    return math.hypot(math.log(latency.high / latency.value), math.log(power.factor))
