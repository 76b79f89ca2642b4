"""Several runtimes by turns: each in a process of its own, one at a time, on the same sample, under the host's lock.

The turns go A B C C B A, as in measure/latency.py, whose statistics are used; every file is opened several times.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgekit.core.progress import Progress, silent
from edgekit.export.child import Child
from edgekit.measure.latency import Turns
from edgekit.measure.lock import quiet

OPENINGS, TURNS = 3, 16
BLOCK_SECONDS = 0.004
MOST_RUNS = 400  # of a block
WARM_UP_RUNS, UNTIMED = 10, 2
LONGEST_SECONDS = 25.0  # then fewer turns must do
LEAST_TURNS = 3


@dataclass(frozen=True)
class Runner:
    """A file in its runtime. `batch` is how many samples it takes at a time."""

    title: str
    child: Child
    path: Path
    batch: int = 1

    def open(self, progress: Progress = silent, threads: int = 1) -> str:
        """Open the file, or open it again; returns the runtime and its version."""
        job = {"do": "open", "path": str(self.path), "threads": threads}
        return self.child.ask(job, progress, f"opening it in {self.title}")["version"]

    def answer(self, inputs: np.ndarray, folder: Path, progress: Progress = silent) -> np.ndarray:
        """Outputs (n, …) of inputs (n, …)."""
        given, found = folder / "inputs.npy", folder / "outputs.npy"
        np.save(given, inputs)
        job = {"do": "answer", "inputs": str(given), "outputs": str(found), "batch": self.batch}
        self.child.ask(job, progress, f"running samples in {self.title}")
        return np.load(found)

    def block(self, sample: Path, runs: int, untimed: int, progress: Progress) -> tuple[list[int], bool]:
        """Nanoseconds of so many runs, and whether nothing disturbed them."""
        job = {"do": "time", "inputs": str(sample), "runs": runs, "untimed": untimed}
        found = self.child.ask(job, progress, f"timing {self.title}")
        return found["times"], found["calm"]


def by_turns(runners: Sequence[Runner], sample: Path, progress: Progress = silent) -> Turns:
    """Time files in their runtimes, one thread each.

    Args:
        sample: a .npy file with the input of one sample, (1, …).

    Raises:
        ExportError: one of them cannot be opened or run.
    """
    runs, undisturbed, names, sizes = [], [], [], []
    with quiet(progress):
        started = time.monotonic()
        for opening in range(OPENINGS):
            order = list(range(len(runners)))
            names = [runner.open(progress) for runner in runners]
            firsts = [min(runner.block(sample, WARM_UP_RUNS, 1, progress)[0]) for runner in runners]
            sizes = sizes or [int(np.clip(BLOCK_SECONDS * 1e9 / first, 1, MOST_RUNS)) for first in firsts]
            blocks: list[list[list[int]]] = [[] for _ in runners]
            calm = []
            for turn in range(TURNS):
                progress((opening + turn / TURNS) / OPENINGS, "timing by turns")
                still = True
                for place in order if turn % 2 else order[::-1]:
                    times, alone = runners[place].block(sample, sizes[place], UNTIMED, silent)
                    blocks[place].append(times)
                    still &= alone
                calm.append(still)
                if time.monotonic() - started > LONGEST_SECONDS and turn + 1 >= LEAST_TURNS:
                    break
            runs.append(blocks)
            undisturbed.append(calm)
            if time.monotonic() - started > LONGEST_SECONDS:
                break
    progress(1.0, "timed")
    return Turns(runs, undisturbed, 1, "", tuple(names))
