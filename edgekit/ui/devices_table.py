"""Every device in a row: time, memory, and what an answer costs a battery, before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.show import words

if TYPE_CHECKING:
    from edgekit.core.measurement import Measurement
    from edgekit.devices.energy import Battery
    from edgekit.devices.estimate import Estimate
    from edgekit.ui.devices_seen import Seen

SMALL = ":small[:gray[{}]]"


def table(seen: Seen, battery: Battery, rate: float) -> dict[str, list[str]]:
    """Columns of a table, in Markdown.

    Args:
        rate: inferences a second, for average watts.
    """
    rows = [_row(old, new, battery, rate) for old, new in zip(seen.before, seen.after, strict=True)]
    return {name: [row[name] for row in rows] for name in rows[0]}


def _row(old: Estimate, new: Estimate, battery: Battery, rate: float) -> dict[str, str]:
    changed = old.latency_ms and new.latency_ms and old.latency_ms != new.latency_ms
    return {
        "Device": new.device.name,
        "Latency, estimated": f"{_banded(new.latency_ms)}  \n{SMALL.format(new.way)}" if new.latency_ms
        else SMALL.format(words.plain(new.why_not)),
        "Against the original": words.times(new.latency_ms.value / old.latency_ms.value, "faster", "slower")
        if changed else "–",
        "Memory": _memory(new),
        "Energy, before → after": _energy(old, new),
        f"Answers from a {battery.name}": _charges(new, battery),
        f"Average at {rate:g} a second": average(new, rate),
    }  # fmt: skip


def average(one: Estimate, rate: float) -> str:
    """Average watts at a rate, or why there are none."""
    from edgekit.devices.energy import watts

    if one.latency_ms is None:
        return "–"
    if rate * one.latency_ms.value > 1000:
        return f"cannot hold {rate:g} a second"
    found = one.device.power and watts(one.latency_ms.value, one.device.power, rate)
    return f"{words.significant(found)} W" if found else SMALL.format("idle power not known")


def _banded(found: Measurement) -> str:
    return f"{words.measured(found)} {SMALL.format(f'({words.interval(found)})')}"


def _memory(one: Estimate) -> str:
    room = one.room
    flash = f" + {words.size(room.flash_bytes)} flash" if room.flash_bytes is not None else ""
    needs = f"{words.size(room.ram_bytes)}{flash}"
    return f":green[fits] {SMALL.format(needs)}" if room.fits else f":red[**does not fit**] {SMALL.format(needs)}"


def _energy(old: Estimate, new: Estimate) -> str:
    if new.energy_mj is None:
        return SMALL.format("no power data") if new.latency_ms else "–"
    before = f"{words.measured(old.energy_mj)} → " if old.energy_mj and old.energy_mj != new.energy_mj else ""
    return f"{before}{_banded(new.energy_mj)}"


def _charges(one: Estimate, battery: Battery) -> str:
    from edgekit.devices.energy import charges

    if one.energy_mj is None:
        return "–"
    value, low, high = charges(one.energy_mj, battery)
    return f"{words.count(value)} {SMALL.format(f'({words.count(low)} to {words.count(high)})')}"
