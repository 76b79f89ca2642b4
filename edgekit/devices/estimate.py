"""What a file would do on a device that is not here: how long it takes, what of it the device refuses, what it costs.

An estimate is a Measurement with the origin ESTIMATED. It names device, runtime and precision, and its ends are an
80 % band: from networks that were left out of the fit; twice as wide where another runtime is meant than the rates are
of, where another device's rates stand in, and where the network is much smaller or larger than any of the fit.
Transformers and recurrent networks are not estimated: too few were published to tell how far off that would be.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from edgekit.core.errors import SettingError
from edgekit.core.measurement import Measurement, Origin
from edgekit.core.numbers import count, percent
from edgekit.core.numbers import threads as count_of
from edgekit.devices.catalog import Calibration, Device, Published, calibrations, device, devices, published, way
from edgekit.devices.cost import parts
from edgekit.devices.energy import energy
from edgekit.devices.layers import Layer, Precision
from edgekit.devices.read import Network, read
from edgekit.devices.room import Room, room

WIDER = 2.0  # the band of another runtime, of another device's rates, of another precision, or of another size
BEYOND = 2.0  # how far below or above the sizes that rates were fitted to a network may be without that
WELL_FITTED = 8  # rates of so many networks go before those of fewer
NEAREST_BAND, NEAREST_FACTOR = 2.5, 4.0  # of scaling one published row, and by how much at most
CITED = 3
OWN = "your own results"
AS_FLOATS: tuple[Precision, ...] = ("fp32", "fp16")


@dataclass(frozen=True)
class Estimate:
    """What a file would do on one device.

    Attributes:
        runtime, precision, threads: what is estimated; empty and 0 where nothing could be.
        latency_ms: None where it is not known, and then `why_not` says why.
        parts: milliseconds by what the device waits for: "compute", "memory", "transfer", "calls", "start".
        energy_mj: None where nobody published the device's power, or the time is not known.
        refused: what the device does not take, in sentences.
        rows: the published measurements nearest to it.
        notes: what widened the band.
    """

    device: Device
    room: Room
    runtime: str = ""
    precision: Precision = "fp32"
    threads: int = 0
    latency_ms: Measurement | None = None
    why_not: str = ""
    parts: dict[str, float] | None = None
    energy_mj: Measurement | None = None
    refused: tuple[str, ...] = ()
    rows: tuple[Published, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def way(self) -> str:
        """ "ncnn, 4 threads, int8"; empty where nothing could be estimated."""
        return way(self.runtime, self.threads, self.precision) if self.runtime else ""

    @property
    def target(self) -> str:
        """ "Raspberry Pi 4 Model B, ncnn, 4 threads, int8"."""
        return f"{self.device.name}, {self.way}" if self.runtime else self.device.name

    @property
    def band(self) -> float | None:
        """The factor of the band; None without a time."""
        return self.latency_ms and self.latency_ms.high / self.latency_ms.value


def estimates(file: Path | Network, own: Iterable[Calibration] = ()) -> list[Estimate]:
    """One estimate for every device of the catalog, each in the quickest way that it has rates for.

    Args:
        own: a person's calibrations, from results that were brought back; they come before ours.
    """
    network, own = file if isinstance(file, Network) else read(file), list(own)
    return [estimate(network, name, own=own) for name in devices()]


def estimate(
    file: Path | Network,
    on: str,
    *,
    runtime: str | None = None,
    threads: int | None = None,
    own: Iterable[Calibration] = (),
) -> Estimate:
    """What a file would do on a device.

    Args:
        on: the device's id.
        runtime: which one will run it; the one that the device has rates for by default. Of another one the band is
            wider.
        threads: only rates for so many; the quickest by default.

    Raises:
        SettingError: no such device, or no rates for so many threads.
    """
    network, one = file if isinstance(file, Network) else read(file), device(on)
    bare = Estimate(one, room(network, one, network.precision), refused=tuple(_refused(network, one)))
    why = _why_not(network, one)
    if why:
        return replace(bare, why_not=why, rows=_nearest_rows(network, one, None))
    fitting = _fitting(network, one, list(own), threads)
    if fitting:
        well = [each for each in fitting if each.networks >= WELL_FITTED or each.source == OWN] or fitting
        found = min((_timed(network, bare, each, runtime) for each in well), key=_milliseconds)
        return replace(found, energy_mj=_energy(network, found, fitting))
    if one.nearest and (row := _scalable(network, one)):
        return _scaled(network, bare, row)
    why = f"no rates for {network.precision} on this device: {one.calibration_note or 'nothing was published of it'}"
    if one.nearest:
        why += f", but none of this precision is within {NEAREST_FACTOR:g} × its multiply-accumulates"
    return replace(bare, why_not=why, rows=_nearest_rows(network, one, None))


def _why_not(network: Network, one: Device) -> str:
    if network.attention:
        return "not calibrated for transformers: too few of them were published"
    if network.recurrent:
        return "not calibrated for recurrent networks: none was published"
    if one.takes and network.precision not in one.takes:
        return f"takes {', '.join(p.upper() for p in one.takes)} only; this file computes in {network.precision}"
    if not network.macs:
        return "the shapes of its layers are not known, so there is nothing to count"
    return ""


def _refused(network: Network, one: Device) -> list[str]:
    """Sentences on layers and precisions that the device does not take."""
    found = []
    if one.takes:
        other = [layer for layer in network.layers if layer.macs and layer.precision not in one.takes]
        if other:
            takes = " and ".join(p.upper() for p in one.takes)
            found.append(f"takes {takes} only: {_named(other)} compute in {_precisions(other)}")
    for operator, why in one.refuses.items():
        if layers := [layer for layer in network.layers if layer.operator == operator]:
            found.append(f"{operator}: {why} ({_named(layers)}; {one.refuses_source})")
    return found


def _named(layers: list[Layer]) -> str:
    names = ", ".join(layer.name for layer in layers[:3])
    return names if len(layers) <= 3 else f"{names} and {len(layers) - 3} more"


def _precisions(layers: list[Layer]) -> str:
    return ", ".join(dict.fromkeys(layer.precision for layer in layers))


def _fitting(network: Network, one: Device, own: list[Calibration], threads: int | None) -> list[Calibration]:
    """The calibrations that fit the file's precision; a person's own go before ours."""
    ours = calibrations().get(one.id, [])
    if threads is not None and ours and threads not in {each.threads for each in ours if each.threads}:
        there = ", ".join(str(n) for n in sorted({each.threads for each in ours if each.threads})) or "none"
        raise SettingError(f"{one.id} has no rates for {count_of(threads)}. There are: {there}.")
    theirs = [each for each in own if each.device == one.id]
    for wanted in _substitutes(network.precision):
        for offered in (theirs, ours):
            fitting = [c for c in offered if c.precision in wanted and threads in (None, c.threads)]
            if fitting:
                return fitting
    return []


def _substitutes(precision: Precision) -> list[tuple[Precision, ...]]:
    """The precisions whose rates may stand for one, the likest first.

    Runtimes run floats in half precision where the processor can; integers of which nobody published anything are taken
    to be no slower than floats, in a wider band.
    """
    return [AS_FLOATS] if precision in AS_FLOATS else [(precision,), AS_FLOATS]


def _timed(network: Network, bare: Estimate, one: Calibration, runtime: str | None) -> Estimate:
    device = bare.device
    spent = _parts(network, one)
    value, band, notes = sum(spent.values()), one.band, []
    if device.stand_in and one.source != OWN:
        notes.append(device.stand_in)
    if runtime and runtime.lower() not in one.runtime.lower():
        notes.append(f"rates of {one.runtime} stand for {runtime}")
    if network.precision not in AS_FLOATS and one.precision in AS_FLOATS:
        notes.append(f"nothing was published of {network.precision} here; taken to be as quick as {one.precision}")
    if not one.macs[0] / BEYOND <= network.macs <= one.macs[1] * BEYOND and one.source != OWN:
        ends = " to ".join(count(number) for number in one.macs)
        notes.append(f"{count(network.macs)} multiply-accumulates; rates were fitted to networks of {ends}")
    band *= WIDER ** len(notes)
    if one.source == OWN:
        rests = f"scaled to {one.networks} file{'' if one.networks == 1 else 's'} that {one.measured_on} timed"
    else:
        rests = f"fitted to {one.networks} networks on {one.measured_on}, mean error of those left out "
        rests += percent(one.error, 0)
    how = f"{one.runtime}, {one.precision}, {rests}; 80 % band × {band:.2f}"
    named = replace(bare, runtime=runtime or one.runtime, precision=one.precision, threads=one.threads)
    return replace(
        named,
        room=room(network, device, one.precision),
        latency_ms=Measurement(
            metric="latency_ms", value=value, low=value / band, high=value * band,
            origin=Origin.ESTIMATED, device=named.target, how=how,
        ),
        parts=spent,
        rows=_nearest_rows(network, device, one),
        notes=tuple(f"{note}: the band is {WIDER:g} × as wide" for note in notes),
    )  # fmt: skip


def _parts(network: Network, one: Calibration) -> dict[str, float]:
    """Milliseconds; layers of another precision than the file's by that precision's rates, where there are any."""
    others = [each for each in calibrations().get(one.device, []) if _beside(each, one)]
    spent: dict[str, float] = {}
    for precision in dict.fromkeys(layer.precision for layer in network.layers):
        layers = [layer for layer in network.layers if layer.precision == precision]
        same = network.precision == precision or (precision in AS_FLOATS) == (one.precision in AS_FLOATS)
        fit = one if same else next((each for each in others if each.precision in _substitutes(precision)[0]), one)
        for name, value in parts(fit.rates, layers, fit.precision).items():
            if name != "start" or precision == network.precision:  # a run starts once
                spent[name] = spent.get(name, 0.0) + value
    return spent


def _beside(each: Calibration, one: Calibration) -> bool:
    same = ("measured_on", "runtime", "threads")
    return all(getattr(each, name) == getattr(one, name) for name in same)


def _milliseconds(found: Estimate) -> float:
    return found.latency_ms.value


def _energy(network: Network, found: Estimate, fitting: list[Calibration]) -> Measurement | None:
    """Of the board whose power is known: its own time, where the device's rates are of several boards."""
    power = found.device.power
    if power is None:
        return None
    if not power.measured_on:
        return energy(found.latency_ms, power)
    one = next((each for each in fitting if each.measured_on == power.measured_on), None)
    return one and energy(_timed(network, found, one, None).latency_ms, power)


def _nearest_rows(network: Network, one: Device, calibration: Calibration | None) -> tuple[Published, ...]:
    """Published measurements of this device with about as many multiply-accumulates; those of its own rates first."""
    boards = {each.measured_on for each in calibrations().get(one.id, [])} | {one.nearest} - {""}
    rows = [row for row in published() if row.device in boards and row.macs]
    if calibration:
        kind = "int8" if calibration.precision == "int8" else calibration.precision
        same = [r for r in rows if r.device == calibration.measured_on and _precision(r) == kind]
        same = [r for r in same if r.threads in (None, calibration.threads)]
        rows = same or rows
    rows.sort(key=lambda row: abs(math.log(row.macs / max(network.macs, 1))))
    return tuple(rows[:CITED])


def _precision(row: Published) -> str:
    return {"w8a8": "int8", "float32": "fp32"}.get(row.precision, row.precision)


def _scalable(network: Network, one: Device) -> Published | None:
    """A published row of this precision whose network is about as large."""
    kinds = AS_FLOATS if network.precision in AS_FLOATS else (network.precision,)
    rows = [row for row in published() if row.device == one.nearest and row.macs and _precision(row) in kinds]
    best = min(rows, key=lambda row: abs(math.log(row.macs / network.macs)), default=None)
    return best if best and abs(math.log(best.macs / network.macs)) <= math.log(NEAREST_FACTOR) else None


def _scaled(network: Network, bare: Estimate, row: Published) -> Estimate:
    value = row.latency_ms * network.macs / row.macs
    precision: Precision = "int8" if _precision(row) == "int8" else "fp16"
    named = replace(bare, runtime=row.runtime, precision=precision)
    how = f"{row.model} on {row.device}, {row.latency_ms:g} ms, times the ratio of multiply-accumulates; band × 2.5"
    measured = Measurement(
        metric="latency_ms", value=value, low=value / NEAREST_BAND, high=value * NEAREST_BAND,
        origin=Origin.ESTIMATED, device=named.target, how=how,
    )  # fmt: skip
    notes = (f"too few published networks to fit rates to: {how}",)
    return replace(named, latency_ms=measured, rows=(row,), notes=notes)
