"""A person's own boards: results that were brought back, and the rates they make better for this person.

    <home>/devices/<board, runtime, threads, file>.json    each result as it came

A result scales the rates of its device and precision by how far the estimate was off, the same factor for all kinds of
layers: a few files cannot tell more. How far off the scaled rates are is told by leaving out each file in turn; with a
single one there is nothing to leave out, and the band stays as it was.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from edgekit.core.errors import EdgeKitError
from edgekit.core.files import home, plain_name, written_whole
from edgekit.core.run import OnBoard, Run
from edgekit.devices.bench import checksum
from edgekit.devices.catalog import Calibration, calibrations, device, devices
from edgekit.devices.cost import Accelerator, Cycles, Rates, Roofline
from edgekit.devices.estimate import OWN, Estimate, estimate
from edgekit.devices.kit import kit
from edgekit.devices.read import Network, read
from edgekit.devices.result import Result, parse, placed, told
from edgekit.store.store import Store

LEAST_BAND = 1.1  # no scaled rates are taken for better than this


@dataclass(frozen=True)
class Recalibrated:
    """What a device's results did to its rates.

    Attributes:
        calibration: the scaled rates; its band and error are of files that were left out.
        factor: what the estimates were multiplied by.
        before: mean of |estimate / measured − 1| by our rates.
        after: the same by the scaled rates, each file left out in turn; None with a single file.
    """

    calibration: Calibration
    factor: float
    before: float
    after: float | None


def add(data: bytes, run: Run, store: Store, on: str = "") -> OnBoard:
    """Take a result in: a measured point of the run, and a better estimate for the device.

    Args:
        on: the catalog's device that the board is, if the kit does not say.

    Raises:
        MeasureError: a result that is not whole, was changed, or is of other files.
    """
    result = parse(data)
    baseline = _original(run, store)
    ours, base = placed(result, run, baseline)
    ratio = result.ratio(ours, base) if base is not None and base != ours else None
    point = OnBoard(
        board=result.board,
        device=on or result.device,
        runtime=f"{result.runtime['name']} {result.runtime['version']}",
        threads=result.threads,
        latency=result.latency(ours),
        baseline=result.latency(base) if base is not None else None,
        ratio=ratio,
        speed=told(ratio),
        taken=result.taken,
    )
    same = (point.board, point.runtime, point.threads)
    others = [one for one in run.boards if (one.board, one.runtime, one.threads) != same]
    run.boards = [*others, point]
    store.save(run)
    _keep(result, point.device)
    return point


def kit_of(run: Run, store: Store, on: str | None = None) -> bytes:
    """The device kit of a run in the store: its file with the original beside it.

    Args:
        on: the id of the device that it is for; None for any.

    Raises:
        StoreError: a file that is no longer in the store.
        SettingError: no such device.
    """
    original = _original(run, store)
    return kit(run, Path(store.file(run.artifact.sha256)), Path(store.file(original)), device(on) if on else None)


def results() -> list[Result]:
    """All results that were brought back and can still be read."""
    found = []
    for file in sorted(_folder().glob("*.json")):
        try:
            found.append(parse(file.read_bytes()))
        except EdgeKitError:
            continue  # of an older format, or damaged since: it no longer counts
    return found


def recalibrated(store: Store) -> list[Recalibrated]:
    """A person's own rates: for every device, runtime and precision of which results and files are here."""
    groups: dict[tuple, list[tuple[Network, float]]] = {}
    for result in results():
        if result.device not in devices():
            continue
        for one in result.files:
            if store.has_file(one.sha256):
                network = read(Path(store.file(one.sha256)))
                key = (result.device, result.board, result.runtime["name"], network.precision, result.threads)
                groups.setdefault(key, []).append((network, float(sorted(one.ms)[len(one.ms) // 2])))
    found = (_fit(*key, {net.sha256: (net, ms) for net, ms in seen}) for key, seen in groups.items())
    return [one for one in found if one is not None]


def own(store: Store) -> list[Calibration]:
    """The calibrations of `recalibrated`, for `estimates(own=…)`."""
    return [one.calibration for one in recalibrated(store)]


def _fit(
    device: str, board: str, runtime: str, precision: str, threads: int, seen: dict[str, tuple[Network, float]]
) -> Recalibrated | None:
    logs, base = [], None
    for network, ms in seen.values():
        found = estimate(network, device, threads=_threads(device, threads))
        if found.latency_ms is None:
            return None
        base = base or _of(found, device)
        logs.append(math.log(ms / found.latency_ms.value))
    if base is None:
        return None
    factor = math.exp(sum(logs) / len(logs))
    before = sum(abs(math.exp(-log) - 1) for log in logs) / len(logs)
    left = [(sum(logs) - log) / (len(logs) - 1) - log for log in logs] if len(logs) > 1 else []
    after = sum(abs(math.exp(one) - 1) for one in left) / len(left) if left else None
    band = (
        base.band if after is None else max(LEAST_BAND, min(base.band, math.exp(max(abs(one) for one in left)) * 1.1))
    )
    sizes = [network.macs for network, _ in seen.values()]
    calibration = base.model_copy(
        update={
            "measured_on": board, "runtime": runtime, "precision": precision, "threads": threads,
            "networks": len(logs), "error": after if after is not None else before, "band": band,
            "source": OWN, "macs": (min(sizes), max(sizes)), "rates": slower(base.rates, factor),
        }
    )  # fmt: skip
    return Recalibrated(calibration, factor, before, after)


def slower(rates: Rates, factor: float) -> Rates:
    """Rates by which everything takes `factor` times as long."""
    if isinstance(rates, Roofline):
        return rates.model_copy(
            update={
                "rates": {kind: rate / factor for kind, rate in rates.rates.items()},
                "bandwidth": rates.bandwidth / factor, "overhead_us": rates.overhead_us * factor,
            }
        )  # fmt: skip
    if isinstance(rates, Cycles):
        return rates.model_copy(update={"mhz": rates.mhz / factor})
    assert isinstance(rates, Accelerator)
    scaled = {name: getattr(rates, name) / factor for name in ("rate", "weights_gbs", "activations_gbs")}
    return rates.model_copy(update=scaled | {name: getattr(rates, name) * factor for name in ("step_us", "start_ms")})


def _threads(device: str, threads: int) -> int | None:
    """So many threads, if there are rates for as many."""
    return threads if any(each.threads == threads for each in calibrations().get(device, [])) else None


def _of(found: Estimate, device: str) -> Calibration | None:
    """The calibration that an estimate was made with."""
    same = ("runtime", "precision", "threads")
    return next(
        (c for c in calibrations().get(device, []) if all(getattr(c, n) == getattr(found, n) for n in same)), None
    )


def _original(run: Run, store: Store) -> str | None:
    if run.is_baseline or run.baseline is None:
        return run.artifact and run.artifact.sha256
    return store.get(run.baseline).artifact.sha256


def _keep(result: Result, device: str) -> None:
    kept = result.model_copy(update={"device": device}).model_dump(mode="json")
    kept["checksum"] = checksum(kept)
    files = "-".join(one.sha256[:8] for one in result.files)
    name = plain_name(f"{result.board} {result.runtime['name']} {result.threads}")
    with written_whole(_folder() / f"{name}-{files}.json") as file:
        file.write(json.dumps(kept).encode())


def _folder() -> Path:
    return home() / "devices"
