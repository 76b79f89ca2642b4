"""How long a file takes for one sample, alone and against another file.

Two files run by turns (A B B A …) in blocks of about 1 ms in one fresh process, each opened several times. Within a
turn both meet the same noise and clock speed, so their ratio is far steadier than either time. What counts is the
median of the turns in which the process had its core to itself. Where a host is shared that matters: while another
tenant used the other half of the core, ResNet-20 took 13 % longer in floats and 45 % longer on integers, for
milliseconds or seconds at a time, so not even the ratio stood.

The ratio's interval resamples openings and turns (a two-level bootstrap: Davison and Hinkley 1997, "Bootstrap Methods
and their Application", section 3.8), and adds what openings of one and the same file were seen to differ by.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.core.host import this_host
from edgekit.core.interval import Interval
from edgekit.core.measurement import Measurement, Origin
from edgekit.core.progress import Progress, silent
from edgekit.measure import child
from edgekit.measure.lock import quiet

SECONDS = 0.15  # of running, for small files; twice as long was no steadier
LEAST_RUNS = 50
LONGEST_SECONDS = 20.0  # then fewer runs must do, and the measurement says so
SAME_FILE_SPREAD = 0.01  # the least half-width: what openings of one file differ by, where few could be tried
LATELY = 16  # timings; from further back, the clock of the processor may have been another
FEW_TURNS = 9  # too few to resample; the least and the greatest of 6 to 8 hold the median with 97 % and more
RESAMPLES, QUANTILE_RESAMPLES = 1000, 200

_quickest: deque[int] = deque(maxlen=LATELY)  # what `Core` of `_timer.py` learned in each


@dataclass(frozen=True)
class Latency:
    """One sample through one file: the median and the 95th percentile, each with its 95 % interval."""

    latency_ms: Measurement
    latency_p95_ms: Measurement


@dataclass(frozen=True)
class Timing(Latency):
    """A file against its baseline, timed by turns.

    Attributes:
        ratio: file / baseline; below 1 is faster.
        speed: "faster", "slower", or "tie" where the interval of the ratio holds 1.
    """

    baseline_latency_ms: Measurement
    baseline_latency_p95_ms: Measurement
    ratio: Interval
    speed: str


@dataclass(frozen=True)
class Turns:
    """Several files timed by turns, each place in the order in which they were given.

    Attributes:
        runs: per opening, per place, per turn, the nanoseconds of every run in a block.
        undisturbed: per opening and turn, whether the process had its core to itself all along.
        threads, version: of ONNX Runtime.
        runtimes: at each place, the name and version of what ran the file, where it was not ONNX Runtime throughout.
    """

    runs: list[list[list[list[int]]]]
    undisturbed: list[list[bool]]
    threads: int
    version: str
    runtimes: tuple[str, ...] = ()

    def latency(self, place: int) -> Latency:
        """How long the file at a place took."""
        blocks = [opening[place] for opening in self.runs]
        runtime = self.runtimes[place] if self.runtimes else f"ONNX Runtime {self.version}"
        return Latency(*_latencies(blocks, self.undisturbed, self.threads, runtime, "by turns with other files"))

    def ratio(self, ours: Sequence[int], base: Sequence[int]) -> Interval:
        """The time of all files at the places `ours` together, over that of all at `base`."""
        sums = [
            [
                [[sum(np.median(block) for block in turn)] for turn in zip(*(o[p] for p in places), strict=True)]
                for o in self.runs
            ]
            for places in (ours, base)
        ]
        return _ratio(*sums, self.undisturbed)


def time_by_turns(
    paths: Sequence[Path], levels: Sequence[str] | None = None, threads: int = 1, progress: Progress = silent
) -> Turns:
    """Time any number of files by turns; about an eighth of a second for each small one.

    Args:
        levels: of ONNX Runtime's optimisation, one a path: "disabled", "basic", "extended" or "all", the default.

    Raises:
        MeasureError: one of them cannot be run here.
    """
    found = _timed(list(paths), threads, progress, levels)
    return Turns(found["runs"], found["undisturbed"], threads, found["version"])


def speed(ratio: Interval) -> str:
    """What an interval of ratios says: "faster", "slower", or "tie" where it holds 1."""
    return "faster" if ratio.high < 1 else "slower" if ratio.low > 1 else "tie"


def time_pair(path: Path, baseline_path: Path, threads: int = 1, progress: Progress = silent) -> Timing:
    """Time a file and its baseline by turns; about a third of a second for small ones.

    Raises:
        MeasureError: one of them cannot be run here.
    """
    found = _timed([path, baseline_path], threads, progress)
    ours, base = ([opening[place] for opening in found["runs"]] for place in range(2))
    calm, version = found["undisturbed"], f"ONNX Runtime {found['version']}"
    ratio = _ratio(ours, base, calm)
    return Timing(
        *_latencies(ours, calm, threads, version, "by turns with the uncompressed file"),
        *_latencies(base, calm, threads, version, "by turns with the compressed file"),
        ratio,
        speed(ratio),
    )


def time_one(path: Path, threads: int = 1, progress: Progress = silent) -> Latency:
    """Time a file by itself.

    Raises:
        MeasureError: it cannot be run here.
    """
    found = _timed([path], threads, progress)
    blocks, runtime = [opening[0] for opening in found["runs"]], f"ONNX Runtime {found['version']}"
    return Latency(*_latencies(blocks, found["undisturbed"], threads, runtime, "by itself"))


def _timed(paths: list[Path], threads: int, progress: Progress, levels: Sequence[str] | None = None) -> dict[str, Any]:
    """What `timed` of `_timer.py` returns."""
    job = {
        "do": "time", "paths": paths, "levels": levels, "threads": threads,
        "seconds": SECONDS * len(paths) / 2, "least": LEAST_RUNS, "longest": LONGEST_SECONDS,
        "quickest": min(_quickest, default=0),
    }  # fmt: skip
    child.stand_by()  # it gets ready while we may have to wait
    with quiet(progress):
        result = child.run(job, progress, "timing")
    _quickest.append(result["quickest"])
    child.stand_by()
    progress(1.0, "timed")
    return result


def _ratio(ours: list[list[list[int]]], base: list[list[list[int]]], undisturbed: list[list[bool]]) -> Interval:
    """The ratio of one sample's times: the median over turns of the ratio of block medians."""
    turns = max(len(calm) for calm in undisturbed)
    logs = np.full((len(ours), turns), np.nan)  # (openings, turns); time may have cut the last opening short
    for row, a, b in zip(logs, ours, base, strict=True):
        row[: len(a)] = [np.log(np.median(x) / np.median(y)) for x, y in zip(a, b, strict=True)]
    for row, flags in zip(logs, _counting(undisturbed), strict=True):
        row[: len(flags)][~flags] = np.nan  # half of a turn ran beside something else: it compares nothing
    logs = logs[~np.isnan(logs).all(1)]
    generator = np.random.default_rng(0)
    opening = generator.integers(0, len(logs), (RESAMPLES, len(logs), 1))
    turn = generator.integers(0, turns, (RESAMPLES, len(logs), turns))
    value = float(np.nanmedian(logs))
    low, high = np.nanquantile(_medians(logs[opening, turn].reshape(RESAMPLES, -1)), [0.025, 0.975])
    if (~np.isnan(logs)).sum() < FEW_TURNS:
        low, high = np.nanmin(logs), np.nanmax(logs)
    return Interval(
        value=float(np.exp(value)),
        low=float(np.exp(value - np.hypot(max(value - low, 0.0), SAME_FILE_SPREAD))),
        high=float(np.exp(value + np.hypot(max(high - value, 0.0), SAME_FILE_SPREAD))),
    )


def _counting(undisturbed: list[list[bool]]) -> list[np.ndarray]:
    """Which turns count, per opening: the undisturbed ones, or all where those are too few to resample."""
    enough = sum(map(sum, undisturbed)) >= FEW_TURNS
    return [np.array(flags) if enough else np.full(len(flags), True) for flags in undisturbed]


def _medians(rows: np.ndarray) -> np.ndarray:
    """Of each row, without its NaNs; many times faster than np.nanmedian."""
    ordered, known = np.sort(rows, axis=1), (~np.isnan(rows)).sum(1)  # NaNs are sorted to the end
    middle = np.stack([np.maximum(known - 1, 0) // 2, known // 2], axis=1)
    return np.take_along_axis(ordered, middle, axis=1).mean(1)


def _latencies(
    openings: list[list[list[int]]], undisturbed: list[list[bool]], threads: int, runtime: str, where: str
) -> list[Measurement]:
    """Median and 95th percentile of runs; their intervals resample whole blocks, as runs of a block are alike."""
    blocks = np.array([block for opening in openings for block in opening]) / 1e6  # (blocks, runs of a block) in ms
    blocks = blocks[np.concatenate(_counting(undisturbed))]
    picks = np.random.default_rng(0).integers(0, len(blocks), (QUANTILE_RESAMPLES, len(blocks)))
    resampled = np.quantile(blocks[picks].reshape(QUANTILE_RESAMPLES, -1), [0.5, 0.95], axis=1)
    ends = np.quantile(resampled, [0.025, 0.975], axis=1)  # (low and high, median and p95)
    few = f"only {blocks.size:,}" if blocks.size < LEAST_RUNS else f"{blocks.size:,}"
    how = f"{few} runs of one sample, {where}, {threads} thread{'s' if threads > 1 else ''}, {runtime}"
    calm = np.concatenate(undisturbed)
    if calm.sum() < min(FEW_TURNS, len(calm) / 2):
        how += ", most of them slowed by other work on this host"
    return [
        Measurement(
            metric=metric, value=value, low=min(low, value), high=max(high, value),
            origin=Origin.MEASURED, device=this_host().id, how=how,
        )
        for metric, value, low, high in zip(
            ("latency_ms", "latency_p95_ms"), np.quantile(blocks, [0.5, 0.95]).tolist(), *ends.tolist(), strict=True
        )
    ]  # fmt: skip
