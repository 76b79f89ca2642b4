"""What a board sent back: result.json of a device kit, opened with suspicion.

It must be whole, its own checksum must hold (so that nothing changed on the way), and its files must be ones that this
store measured. What it says of the machine is the person's word: the points are named after it.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from edgekit.core.errors import MeasureError
from edgekit.core.interval import Interval
from edgekit.core.measurement import Measurement, Origin
from edgekit.core.numbers import threads
from edgekit.core.run import Run
from edgekit.devices import bench
from edgekit.measure.latency import speed

LARGEST = 5_000_000  # bytes
RESAMPLES = 500


class TimedFile(BaseModel, frozen=True, extra="forbid"):
    """A file on the board, and the milliseconds of every turn."""

    name: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    bytes: int = Field(gt=0)
    ms: list[float] = Field(min_length=10)


class Runtime(BaseModel, frozen=True, extra="forbid"):
    """What ran the files."""

    name: str = Field(min_length=1, max_length=60)
    version: str = Field(max_length=60)

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class Result(BaseModel, frozen=True, extra="forbid"):
    """result.json.

    Attributes:
        kit: the id of the kit, empty where files were named by hand.
        device: of our catalog, as the kit was made for; empty where for none.
        board: what the machine says it is.
        machine: cpu, architecture, system, cores.
    """

    format: str
    kit: str
    device: str
    board: str = Field(min_length=1, max_length=120)
    machine: dict[str, str | int]
    runtime: Runtime
    threads: int = Field(ge=1)
    files: list[TimedFile] = Field(min_length=1)
    taken: datetime
    checksum: str

    def latency(self, place: int) -> Measurement:
        """How long the file at a place took; the interval resamples turns."""
        times = np.array(self.files[place].ms)
        low, high = np.quantile(_medians(times[_picks(len(times))]), [0.025, 0.975])
        value = float(np.median(times))
        return Measurement(
            metric="latency_ms", value=value, low=min(float(low), value), high=max(float(high), value),
            origin=Origin.MEASURED, device=self.board,
            how=f"{len(times)} turns of one sample, {threads(self.threads)}, {self.runtime}",
        )  # fmt: skip

    def ratio(self, place: int, base: int) -> Interval:
        """The time of one file over that of another, turn by turn."""
        ours, theirs = (np.array(self.files[p].ms) for p in (place, base))
        logs = np.log(ours[: len(theirs)] / theirs[: len(ours)])
        low, high = np.exp(np.quantile(_medians(logs[_picks(len(logs))]), [0.025, 0.975]))
        return Interval(value=float(np.exp(np.median(logs))), low=float(low), high=float(high))


def parse(data: bytes | str) -> Result:
    """result.json, checked.

    Raises:
        MeasureError: not JSON, not whole, of another format, or changed since it was written.
    """
    again = "Run bench.py again, and bring back the file that it writes."
    if len(data) > LARGEST:
        raise MeasureError(f"a result must have less than {LARGEST:,} bytes; this has {len(data):,}. {again}")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):  # the second where brackets are opened a thousand times
        raise MeasureError(f"a result must be the JSON that bench.py writes, but this is no JSON. {again}") from None
    if not isinstance(found, dict) or found.get("format") != bench.FORMAT:
        named = isinstance(found, dict) and "format" in found
        said = f"is of '{str(found['format'])[:60]}'" if named else "names none"
        raise MeasureError(f"a result must be of the format {bench.FORMAT}; this {said}. {again}")
    try:
        result = Result.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MeasureError(f"a result must be whole; of this, {where}: {first['msg'].lower()}. {again}") from None
    if any(not (0 < ms < 1e7) for one in result.files for ms in one.ms):
        raise MeasureError(f"every time of a result must be above 0 ms and finite; some here are not. {again}")
    if bench.checksum(found) != result.checksum:
        raise MeasureError(f"a result must be as bench.py wrote it, but its checksum no longer holds. {again}")
    return result


def placed(result: Result, run: Run, original: str | None, also: Collection[str] = ()) -> tuple[int, int | None]:
    """Where in a result a run's file is, and the original; the second is None where that was not timed.

    Args:
        original: sha256 of the uncompressed file.
        also: of files that were made of the run's for another runtime.

    Raises:
        MeasureError: neither the run's file nor one of those is in it.
    """
    places = {one.sha256: place for place, one in enumerate(result.files)}
    ours = [sha for sha in (run.artifact and run.artifact.sha256, *also) if sha in places]
    if not ours:
        names = ", ".join(one.name for one in result.files)
        raise MeasureError(
            f"a result must time the file of this run, but it is of others ({names}). Choose the run that the kit was "
            "made of, or make a kit of this one."
        )
    return places[ours[0]], places.get(original)


def told(ratio: Interval | None) -> str:
    """ "faster", "slower" or "tie"; empty where there is nothing to compare with."""
    return speed(ratio) if ratio else ""


def _picks(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, count, (RESAMPLES, count))


def _medians(rows: np.ndarray) -> np.ndarray:
    return np.median(rows, axis=1)
