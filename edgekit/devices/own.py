"""A person's own boards: results that were brought back, and the rates they make better for this person.

    <home>/devices/<board, runtime, threads, file>.json    each result as it came
    <home>/devices/kits/<run>.json                         sha256 of every .tflite that a kit of the run held

A result scales the rates of its device and precision by how far the estimate was off, the same factor for all kinds of
layers: a few files cannot tell more. How far off the scaled rates are is told by leaving out each file in turn (so the
two files of a kit, one in floats and one in integers, tell of each other): the band becomes as wide as the farthest was
off, be it narrower or wider than before; with a single one it stays as it was.
"""

from __future__ import annotations

import functools
import json
import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgekit.core.errors import EdgeKitError
from edgekit.core.files import home, plain_name, sha256, written_whole
from edgekit.core.run import OnBoard, Run
from edgekit.devices.bench import checksum
from edgekit.devices.catalog import Calibration, calibrations, device, devices
from edgekit.devices.cost import Accelerator, Cycles, Rates, Roofline
from edgekit.devices.estimate import OWN, Estimate, estimate
from edgekit.devices.kit import LITERT, kit
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

    What a kit's .tflite took is a point too, with that in its name: it is another file, made from floats again.

    Args:
        on: the catalog's device that the board is, if the kit does not say. One whose processor is of another family
            than the board's is not believed: the point then stands for the board alone.

    Raises:
        MeasureError: a result that is not whole, was changed, or is of other files.
    """
    result = parse(data)
    baseline = _original(run, store)
    ours, base = placed(result, run, baseline, _held(run.id))
    ratio = result.ratio(ours, base) if base is not None and base != ours else None
    timed = result.files[ours].sha256
    point = OnBoard(
        board=_called(result, timed, run),
        device=_believed(result.device or on, result),
        runtime=str(result.runtime),
        threads=result.threads,
        latency=result.latency(ours),
        baseline=result.latency(base) if base is not None else None,
        ratio=ratio,
        speed=told(ratio),
        taken=result.taken,
        file=timed,
    )
    same = (point.board, point.runtime, point.threads)
    others = [one for one in run.boards if (one.board, one.runtime, one.threads) != same]
    run.boards = [*others, point]
    store.save(run)
    _keep(result, point.device)
    return point


def forget(point: OnBoard, run: Run, store: Store) -> None:
    """Take a result out again: the point of the run, and what it did to estimates."""
    run.boards = [one for one in run.boards if one != point]
    store.save(run)
    timed = point.file or run.artifact.sha256
    for file, result in _kept():
        there = timed in {one.sha256 for one in result.files} and point.board == _called(result, timed, run)
        if there and (str(result.runtime), result.threads) == (point.runtime, point.threads):
            file.unlink()


def kit_of(run: Run, store: Store, on: str | None = None, tflite: Path | None = None) -> bytes:
    """The device kit of a run in the store: its file with the original beside it.

    Args:
        on: the id of the device that it is for; None for any.
        tflite: what the run was exported to, for LiteRT; remembered, so that its times can be brought back.

    Raises:
        StoreError: a file that is no longer in the store.
        SettingError: no such device.
    """
    original = _original(run, store)
    if tflite is not None:
        with written_whole(_kits(run.id)) as file:
            file.write(json.dumps(sorted(_held(run.id) | {sha256(tflite)})).encode())
    files = Path(store.file(run.artifact.sha256)), Path(store.file(original))
    return kit(run, *files, device(on) if on else None, tflite)


def results() -> list[Result]:
    """All results that were brought back and can still be read."""
    return [result for _, result in _kept()]


def recalibrated(store: Store) -> list[Recalibrated]:
    """A person's own rates: for every device, runtime and precision of which results and files are here."""
    boards: dict[Board, dict[str, Timed]] = {}
    for result in results():
        board = Board(result.device, result.board, result.runtime.name, result.threads)
        for one in result.files:
            if board.device in devices() and store.has_file(one.sha256):
                network = read(Path(store.file(one.sha256)))
                timed = _timed(network, statistics.median(one.ms), board)
                boards.setdefault(board, {}).update({one.sha256: timed} if timed else {})
    return [
        _fit(board, [one for one in timed.values() if one.network.precision == precision], list(timed.values()))
        for board, timed in boards.items()
        for precision in dict.fromkeys(one.network.precision for one in timed.values())
    ]


def own(store: Store) -> list[Calibration]:
    """The calibrations of `recalibrated`, for `estimates(own=…)`."""
    return [one.calibration for one in recalibrated(store)]


def rates() -> list[Calibration]:
    """`own` of the store that is used by default; worked out again only when a result came or went."""
    held = tuple((file.name, file.stat().st_mtime_ns) for file in sorted(_folder().glob("*.json")))
    return _rates(_folder(), held) if held else []


@functools.lru_cache(maxsize=4)
def _rates(folder: Path, held: tuple[tuple[str, int], ...]) -> list[Calibration]:
    with Store.open() as store:
        return own(store)


@dataclass(frozen=True)
class Board:
    """What one set of rates is of."""

    device: str
    name: str
    runtime: str
    threads: int


@dataclass(frozen=True)
class Timed:
    """A file that was timed on a board; `off` is the logarithm of measured / estimated by `base`."""

    network: Network
    off: float
    base: Calibration


def _timed(network: Network, milliseconds: float, board: Board) -> Timed | None:
    """None where our rates do not go as far."""
    found = estimate(network, board.device, threads=_threads(board))
    base = found.latency_ms and _of(found)
    return Timed(network, math.log(milliseconds / found.latency_ms.value), base) if base else None


def _fit(board: Board, same: list[Timed], everything: list[Timed]) -> Recalibrated:
    """Rates for files of one precision; each is left out in favour of the others of it, or else of all others."""
    factor = math.exp(statistics.fmean(one.off for one in same))
    left = []
    for one in same:
        others = [each for each in same if each is not one] or [each for each in everything if each is not one]
        if others:
            left.append(statistics.fmean(each.off for each in others) - one.off)
    before = statistics.fmean(abs(math.exp(-one.off) - 1) for one in same)
    after = statistics.fmean(abs(math.exp(wrong) - 1) for wrong in left) if left else None
    base = same[0].base
    worst = math.exp(max(abs(wrong) for wrong in left)) if left else base.band
    sizes = [one.network.macs for one in same]
    calibration = base.model_copy(
        update={
            "measured_on": board.name, "runtime": board.runtime, "threads": board.threads, "networks": len(same),
            "precision": same[0].network.precision, "error": before if after is None else after, "source": OWN,
            "band": max(LEAST_BAND, worst), "macs": (min(sizes), max(sizes)),
            "rates": slower(base.rates, factor),
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


def _called(result: Result, timed: str, run: Run) -> str:
    """The name of a point: its board, with a word where not the run's file was timed but an export of it."""
    return result.board if timed == run.artifact.sha256 else f"{result.board}, {LITERT}"


def _believed(device: str, result: Result) -> str:
    """The device that a board is said to be, or nothing where its processor cannot be that."""
    if device not in devices():
        return ""
    arm = str(result.machine.get("architecture", "")).lower().startswith(("arm", "aarch"))
    return device if arm == devices()[device].isa.startswith("ARM") else ""


def _threads(board: Board) -> int | None:
    """So many threads, if there are rates for as many."""
    known = calibrations().get(board.device, [])
    return board.threads if any(each.threads == board.threads for each in known) else None


def _of(found: Estimate) -> Calibration | None:
    """The calibration that an estimate was made with."""
    same = ("runtime", "precision", "threads")
    known = calibrations().get(found.device.id, [])
    return next((c for c in known if all(getattr(c, n) == getattr(found, n) for n in same)), None)


def _original(run: Run, store: Store) -> str | None:
    if run.is_baseline or run.baseline is None:
        return run.artifact and run.artifact.sha256
    return store.get(run.baseline).artifact.sha256


def _kept() -> Iterator[tuple[Path, Result]]:
    for file in sorted(_folder().glob("*.json")):
        try:
            yield file, parse(file.read_bytes())
        except EdgeKitError:
            continue  # of an older format, or damaged since: it no longer counts


def _keep(result: Result, device: str) -> None:
    kept = result.model_copy(update={"device": device}).model_dump(mode="json")
    kept["checksum"] = checksum(kept)
    files = "-".join(one.sha256[:8] for one in result.files)
    name = plain_name(f"{result.board} {result.runtime.name} {result.threads}")
    with written_whole(_folder() / f"{name}-{files}.json") as file:
        file.write(json.dumps(kept).encode())


def _folder() -> Path:
    return home() / "devices"


def _kits(run: str) -> Path:
    return _folder() / "kits" / f"{run}.json"


def _held(run: str) -> set[str]:
    """sha256 of every .tflite that went into a kit of this run."""
    try:
        return set(json.loads(_kits(run).read_bytes()))
    except (OSError, ValueError):
        return set()
