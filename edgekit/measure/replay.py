"""Files that look at a sequence of frames, and may carry something from one frame to the next: what they answer, and
how long a frame takes on average."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgekit.core.host import this_host
from edgekit.core.interval import Interval
from edgekit.core.measurement import Measurement, Origin
from edgekit.core.progress import Progress, silent
from edgekit.measure import child
from edgekit.measure.lock import quiet
from edgekit.measure.session import open_session

SECONDS, LEAST_TURNS = 1.0, 9
RESAMPLES = 200

Carried = Mapping[str, str]  # further input -> the output of the run before that it gets; infinite at the beginning


@dataclass(frozen=True)
class Replay:
    """A sequence through several files by turns.

    Attributes:
        times: nanoseconds of every frame, (files, turns, frames).
        how: what was done, in words.
    """

    times: np.ndarray
    how: str

    def frame_ms(self, place: int) -> Measurement:
        """The mean time of a frame of one file, each frame at its median over the turns."""
        value, low, high = _interval(self._resampled(place) / 1e6)
        return Measurement(
            metric="latency_ms", value=value, low=low, high=high, origin=Origin.MEASURED, device=this_host().id,
            how=self.how,
        )  # fmt: skip

    def ratio(self, ours: int, base: int) -> Interval:
        """The time that one file takes for the sequence, over that of another; both from the same turns."""
        value, low, high = _interval(self._resampled(ours) / self._resampled(base))
        return Interval(value=value, low=low, high=high)

    def _resampled(self, place: int) -> np.ndarray:
        """The mean over frames of their medians, of all turns and then of resampled ones, (1 + RESAMPLES,)."""
        times, turns = self.times[place], self.times.shape[1]
        picks = np.random.default_rng(0).integers(0, turns, (RESAMPLES, turns))
        return np.array([np.median(times, 0).mean(), *(np.median(times[pick], 0).mean() for pick in picks)])


def time_replay(
    files: Sequence[tuple[Path, Carried]], frames: np.ndarray, threads: int = 1, progress: Progress = silent
) -> Replay:
    """Time a sequence through several files by turns, in a fresh process.

    Args:
        frames: what the first input gets, float32 (n, …).

    Raises:
        MeasureError: a file cannot be run here.
    """
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "frames.npy", frames)
        job = {
            "do": "replay", "paths": [path for path, _ in files], "carried": [dict(carried) for _, carried in files],
            "frames": str(Path(folder) / "frames.npy"), "threads": threads, "seconds": SECONDS * len(files),
            "least": LEAST_TURNS,
        }  # fmt: skip
        with quiet(progress):
            found = child.run(job, progress, "timing a sequence")
    times = np.array(found["runs"], np.float64)
    how = f"mean of {len(frames):,} frames, each {times.shape[1]} times, by turns with other files, "
    how += f"{threads} thread{'s' if threads > 1 else ''}, ONNX Runtime {found['version']}"
    return Replay(times, how)


def replay(path: Path, frames: np.ndarray, carried: Carried, progress: Progress = silent) -> dict[str, np.ndarray]:
    """What a file puts out for each frame: output name -> (n, …).

    Raises:
        MeasureError: the file cannot be opened here.
    """
    session = open_session(path)
    first, *others = session.get_inputs()
    state = {entry.name: np.full(entry.shape, np.inf, np.float32) for entry in others}
    names, rows = [entry.name for entry in session.get_outputs()], []
    for number, frame in enumerate(frames):
        if number % 64 == 0:
            progress(number / len(frames), f"frame {number:,} of {len(frames):,}")
        rows.append(dict(zip(names, session.run(None, {first.name: frame[None], **state}), strict=True)))
        state = {name: rows[-1][output] for name, output in carried.items()}
    progress(1.0, "done")
    return {name: np.stack([np.squeeze(row[name], 0) for row in rows]) for name in names}


def _interval(values: np.ndarray) -> tuple[float, float, float]:
    """The first value with the 95 % of the others around it."""
    low, high = np.quantile(values[1:], [0.025, 0.975])
    return float(values[0]), float(min(low, values[0])), float(max(high, values[0]))
