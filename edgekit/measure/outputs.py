"""What a file answers to the samples of a data set: the one pass that accuracy and disagreements are counted from.

Every core takes batches of its own through one shared single-threaded session: this needs no waiting between threads
inside an operator, and the numbers do not depend on how many cores there are.
"""

from __future__ import annotations

import itertools
import mmap
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgekit.core.errors import MeasureError
from edgekit.core.host import this_host
from edgekit.core.progress import Progress, silent
from edgekit.core.task import Task
from edgekit.data.splits import Samples, Split
from edgekit.measure.session import named, open_session, refusal
from edgekit.tasks import task

if TYPE_CHECKING:
    import onnxruntime

BATCH_VALUES = 2**17  # inputs of a batch: about as many as make activations that still fit a core's own cache
LARGEST_BATCH, LARGEST_DECODED = 64, 8  # the latter where a batch takes many passes, so that Cancel waits no longer
KINDS = {"tensor(float16)": np.float16, "tensor(double)": np.float64, "tensor(uint8)": np.uint8}
KINDS |= {"tensor(int32)": np.int32, "tensor(int64)": np.int64}

_threads = 0


def outputs(
    path: Path | bytes,
    samples: Samples,
    preprocessing: Callable[[np.ndarray], np.ndarray],
    progress: Progress = silent,
    threads: int = 0,
    output: int = 0,
) -> np.ndarray:
    """Run all samples through a file in ONNX Runtime.

    Args:
        path: of the file, or what would be in it.
        samples: of the evaluation or the validation split.
        preprocessing: raw samples (b, …) -> network inputs (b, …); called batch by batch.
        progress: told after every batch; what it raises stops the work within a batch.
        threads: how many batches at a time; 0 for as many as there are cores, or `use_threads` was told.
        output: which of the file's outputs, from 0.

    Returns:
        What the task makes of that output for every sample, float32 (n, …): mostly the output itself.

    Raises:
        MeasureError: the samples were trained or calibrated on, or the file cannot be run on them.
    """
    held_out(samples)
    session = open_session(path)
    asked = task(samples.entry.task)
    run = _runner(session, path, preprocessing, asked, output)
    largest = LARGEST_DECODED if asked.decoding else LARGEST_BATCH
    size = int(np.clip(BATCH_VALUES // max(samples.raw[0].size, 1), 1, largest))
    answers: np.ndarray | None = None
    done = 0
    progress(0.0, f"0 of {len(samples):,} samples")
    for start, rows in _in_parallel(run, samples.raw, size, threads or _threads or this_host().cores):
        if answers is None:
            answers = np.empty((len(samples), *rows.shape[1:]), np.float32)  # (n, classes)
        answers[start : start + len(rows)] = rows
        done += len(rows)
        progress(done / len(samples), f"{done:,} of {len(samples):,} samples")
    return answers


def use_threads(count: int) -> None:
    """How many batches at a time this process takes from now on, where nothing else is asked for."""
    global _threads
    _threads = count


def held_out(samples: Samples) -> None:
    """The guard: a network's answers to what it learned from say nothing about how good it is."""
    if samples.split not in (Split.EVALUATION, Split.VALIDATION):
        raise MeasureError(
            f"accuracy must be measured on held-out samples, but these are from the {samples.split} split of "
            f"{samples.data}, which techniques learn and calibrate from. Use its evaluation or validation samples."
        )


def _runner(
    session: onnxruntime.InferenceSession,
    path: Path | bytes,
    preprocessing: Callable[[np.ndarray], np.ndarray],
    asked: Task,
    output: int,
) -> Callable[[np.ndarray], np.ndarray]:
    """A function from raw samples (b, …) to outputs (b, …)."""
    if len(session.get_inputs()) != 1:
        names = ", ".join(entry.name for entry in session.get_inputs())
        raise MeasureError(
            f"{named(path).name} must have one input, the samples, but it has {len(session.get_inputs())}: {names}. "
            "Export the network so that it takes nothing else."
        )
    entry = session.get_inputs()[0]
    kind = KINDS.get(entry.type, np.float32)
    rows = entry.shape[0] if isinstance(entry.shape[0], int) else 1 if _looks_at_the_whole_batch(path) else 0

    def run(raw: np.ndarray) -> np.ndarray:
        return asked.run(once, preprocessing(raw).astype(kind, copy=False))

    def once(inputs: np.ndarray) -> np.ndarray:
        if not rows:
            return answer(inputs)
        count = len(inputs)
        if missing := -len(inputs) % rows:  # a file that takes a fixed number gets the last sample more than once
            inputs = np.concatenate([inputs, np.repeat(inputs[-1:], missing, axis=0)])
        parts = [answer(inputs[i : i + rows]) for i in range(0, len(inputs), rows)]
        return np.concatenate(parts)[:count]

    def answer(inputs: np.ndarray) -> np.ndarray:
        try:
            return session.run(None, {entry.name: inputs})[output]  # (b, classes)
        except Exception as error:  # ONNX Runtime's exceptions have no base class of their own
            raise refusal(named(path), type(error).__name__, str(error)) from None

    return run


def _looks_at_the_whole_batch(path: Path | bytes) -> bool:
    """Dynamic quantization takes its range from all samples of a batch together; a device gives it one at a time."""
    if isinstance(path, bytes):
        return b"DynamicQuantizeLinear" in path
    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(b"DynamicQuantizeLinear") >= 0


def _in_parallel(
    run: Callable[[np.ndarray], np.ndarray], raw: np.ndarray, size: int, workers: int
) -> Iterator[tuple[int, np.ndarray]]:
    """(start, outputs) of every batch as it is done; only a few batches are in memory at a time."""
    starts = iter(range(0, len(raw), size))
    running: dict[Future, int] = {}
    pool = ThreadPoolExecutor(workers, thread_name_prefix="outputs")
    try:
        while True:
            for start in itertools.islice(starts, 2 * workers - len(running)):
                running[pool.submit(run, raw[start : start + size])] = start
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
