"""The devices that EdgeKit knows: what they are, what their makers and others published, and the rates fitted to that.

catalog.yaml    one entry a device; each number with its source, and what was written from memory is marked so
published.csv   latencies and energies that others published, with their sources
rates.yaml      rates of the cost model, fitted to published.csv by `python -m tests.benchmarks.devices --write`
"""

from __future__ import annotations

import csv
import functools
from pathlib import Path

import yaml
from pydantic import BaseModel, Field

from edgekit.core.errors import SettingError, unknown
from edgekit.core.numbers import threads
from edgekit.devices.cost import Cycles, Rates
from edgekit.devices.layers import Precision

HERE = Path(__file__).parent
CATALOG, PUBLISHED, RATES = HERE / "catalog.yaml", HERE / "published.csv", HERE / "rates.yaml"


class Published(BaseModel, frozen=True):
    """A row of published.csv: what somebody measured, of which network, where and how."""

    device: str
    runtime: str
    threads: int | None
    precision: str
    model: str
    input: str
    macs: float | None
    params: float | None
    latency_ms: float | None
    energy_uj: float | None = Field(alias="energy_uJ")
    source: str


@functools.cache
def published() -> list[Published]:
    """All published measurements that name a latency."""
    with PUBLISHED.open(encoding="utf-8", newline="") as file:
        rows = [{name: value or None for name, value in row.items()} for row in csv.DictReader(file)]
    for row in rows:
        row["threads"] = row["threads"] and int(float(row["threads"]))
        row["input"] = row["input"] or ""
    return [Published.model_validate(row) for row in rows if row["latency_ms"]]


class Power(BaseModel, frozen=True, extra="forbid"):
    """Watts of the whole device.

    Attributes:
        idle_w: doing nothing; None where nobody said.
        active_w: at work.
        factor: how far it may be from that under a network, either way.
        measured_on: the published rows' board that it is of; empty where it holds for all.
    """

    idle_w: float | None = Field(None, gt=0)
    active_w: float = Field(gt=0)
    factor: float = Field(ge=1)
    measured_on: str = ""
    source: str


class Device(BaseModel, frozen=True, extra="forbid"):
    """A device one may buy.

    Attributes:
        ram_bytes: the least that is sold with it.
        flash_bytes: where a microcontroller keeps the file, and reads weights from; None where weights go to RAM.
        power, no_power: what it draws, or why that is not known.
        takes: precisions that it computes with; all where empty.
        refuses: operator -> why it is not run on the accelerator; from `refuses_source`.
        stand_in: whose rates stand in for its own, which nobody published; empty where they are its own.
        mhz: of its clock, where stand-in cycles were measured at another one.
        nearest: the published rows' device, where there are too few rows to fit rates to.
        calibration_note, gotchas, provenance: where numbers are from, and what to know.
    """

    id: str
    name: str
    kind: str
    cpu: str
    isa: str
    arithmetic: str
    peak_fp32_gflops: float | str | None = None
    peak_fp16_gflops: float | str | None = None
    peak_int8_gops: float | str | None = None
    bandwidth: str
    ram_bytes: int
    ram: str
    flash_bytes: int | None = None
    storage: str
    power: Power | None = None
    no_power: str = ""
    runtimes: tuple[str, ...]
    takes: tuple[Precision, ...] = ()
    refuses: dict[str, str] = Field(default_factory=dict)
    refuses_source: str = ""
    stand_in: str = ""
    mhz: float | None = None
    nearest: str = ""
    calibration_note: str = ""
    gotchas: str = ""
    provenance: str


class Calibration(BaseModel, frozen=True, extra="forbid"):
    """Rates of one device, runtime and precision, and how far off they were.

    Attributes:
        measured_on: the published rows' device.
        threads: 0 where that means nothing.
        networks: how many the rates were fitted to.
        macs: the fewest and the most multiply-accumulates of those.
        error: mean of |estimate / published − 1| over networks that were left out of the fit.
        band: the factor that holds 80 % of them, on either side.
    """

    device: str
    measured_on: str
    runtime: str
    precision: Precision
    threads: int
    networks: int
    macs: tuple[int, int]
    error: float
    band: float = Field(ge=1)
    source: str
    rates: Rates

    @property
    def title(self) -> str:
        """ "ncnn, 4 threads, int8"."""
        return way(self.runtime, self.threads, self.precision)


def way(runtime: str, number: int, precision: str) -> str:
    """How a file runs, in words: "ncnn, 4 threads, int8"; of 0 threads nothing is said."""
    return ", ".join([runtime, *([threads(number)] if number else []), precision])


@functools.cache
def devices() -> dict[str, Device]:
    """All devices, in the order of the catalog: id -> device."""
    entries = yaml.load(CATALOG.read_text("utf-8"), yaml.CSafeLoader)
    return {entry["id"]: Device.model_validate(entry) for entry in entries}


def device(id: str) -> Device:
    """The device with this id, or a SettingError that says which there are."""
    if id not in devices():
        raise SettingError(unknown("device", id, devices()))
    return devices()[id]


@functools.cache
def calibrations() -> dict[str, list[Calibration]]:
    """What was fitted of each device: id -> calibrations; devices without any are left out."""
    found: dict[str, list[Calibration]] = {}
    for entry in yaml.load(RATES.read_text("utf-8"), yaml.CSafeLoader):
        one = Calibration.model_validate(entry)
        clock = devices()[one.device].mhz
        if clock and isinstance(one.rates, Cycles):
            one = one.model_copy(update={"rates": one.rates.model_copy(update={"mhz": clock})})
        found.setdefault(one.device, []).append(one)
    return found
