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
from edgekit.devices.cost import Rates
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
