"""The check of an exported file: in its own runtime, on test samples, beside the ONNX file that it was made of."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from edgekit.core.errors import ExportError
from edgekit.core.measurement import METRICS, Measurement
from edgekit.core.model import Model
from edgekit.core.progress import Progress, part
from edgekit.core.task import Task
from edgekit.data.splits import Samples
from edgekit.export.exported import WORST_POINTS, WORST_SHARE
from edgekit.export.format import AS_IS, Converted, Format
from edgekit.export.formats import format_of
from edgekit.export.graphs import is_integer, stored_numbers, widened
from edgekit.export.race import Runner, by_turns
from edgekit.measure.accuracy import accuracy, disagreements
from edgekit.measure.latency import speed
from edgekit.measure.outputs import outputs

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORT_SAMPLES = 100  # for tasks that take many passes a sample
KEPT_SHARE = 0.9  # of the weights that must still be integers
GREW = 1.1  # times as many bytes or weights: something is stored that was not there
EIGHT_BITS = {"int8", "uint8", "i8", "u8"}
BYTES = dict.fromkeys(EIGHT_BITS, 1) | {"float16": 2, "int16": 2, "float64": 8, "int64": 8}  # of others 4
MOST_OF_INTEGERS = 2  # times a byte a weight: scales, biases, and a few layers in floats
NAMES_BYTES, SPARE_NUMBERS = 64_000, 16_000  # what a file may hold besides weights


@dataclass(frozen=True)
class Judged:
    """What test samples say of a file, beside the ONNX file that it was made of; `problems` in sentences."""

    quality: Measurement
    original: Measurement
    points_lost: float
    disagreements: int
    problems: list[str]


def checked(
    kind: Format, converted: Converted, folder: Path, original: Path, model: Model, samples: Samples, progress: Progress
) -> dict[str, Any]:
    """Fields of an `Exported`: quality, disagreements and latency, where the format runs here."""
    if not kind.runs:
        return {"notes": [*converted.notes, kind.why_not]}
    samples = as_many(samples, model.task)
    before = outputs(original, samples, model.preprocessing, part(progress, 0, 0.1))
    with tempfile.TemporaryDirectory() as beside, runner(kind, folder / converted.main) as ours:
        runtime = ours.open(part(progress, 0.1, 0.2))
        inputs = model.preprocessing(samples.raw)
        after = answers(ours, inputs, model.task, Path(beside), part(progress, 0.2, 0.6))
        sample = Path(beside) / "sample.npy"
        np.save(sample, inputs[:1])
        with runner(format_of("onnx"), original) as theirs:
            turns = by_turns([ours, theirs], sample, part(progress, 0.6, 1))
    found, ratio = judged(before, after, samples, model.task), turns.ratio([0], [1])
    return vars(found) | {
        "runtime": runtime, "samples": len(samples), "notes": converted.notes,
        "latency": turns.latency(0).latency_ms, "original_latency": turns.latency(1).latency_ms,
        "ratio": ratio, "speed": speed(ratio),
    }  # fmt: skip


def as_many(samples: Samples, task: Task) -> Samples:
    """So many of them as a check of this task takes."""
    return samples.take(SHORT_SAMPLES) if task.decoding else samples


def answers(runner: Runner, inputs: np.ndarray, task: Task, folder: Path, progress: Progress) -> np.ndarray:
    """What the task makes of a runtime's outputs for inputs (n, …): (n, …).

    Args:
        folder: for arrays on their way.
    """
    return task.run(lambda rows: runner.answer(rows, folder, progress), inputs)


def judged(before: np.ndarray, after: np.ndarray, samples: Samples, task: Task) -> Judged:
    """Compare outputs (n, …) of the ONNX file with those of another, whose shape may be another for as many numbers.

    Raises:
        ExportError: there are more or fewer of them.
    """
    if after.size != before.size:
        raise ExportError(
            f"the exported file must put out {before[0].size:,} numbers for a sample, as the ONNX file does, but puts "
            f"out {after[0].size:,}. Take another format: this one cannot hold the network."
        )
    after, count = after.reshape(before.shape).astype(np.float32), len(samples)
    labels, which = task.truth(samples.labels, before), f"{count:,} test samples of {samples.data}"
    original, quality = (accuracy(task.scores(found, labels), which, task.metric) for found in (before, after))
    lost, other = 100 * (original.value - quality.value), disagreements(before, after, labels, task, limit=0).count
    problems, title = [], METRICS[task.metric].title
    if spoilt := int((~np.isfinite(after) & np.isfinite(before)).reshape(count, -1).any(1).sum()):
        problems.append(f"Its outputs hold NaN or infinity for {spoilt} of {count} samples.")
    if lost > WORST_POINTS:
        problems.append(f"{title} is {lost:.1f} points below the ONNX file's; at most {WORST_POINTS} is good.")
    if other > WORST_SHARE * count:
        problems.append(
            f"It answers {other} of {count} samples differently from the ONNX file; at most {WORST_SHARE:.0%} is good."
        )
    return Judged(quality, original, lost, other, problems)


@contextlib.contextmanager
def runner(kind: Format, path: Path) -> Iterator[Runner]:
    """A file in its runtime; the process ends with the `with`."""
    with kind.child(to_run=True) as child:
        yield Runner(kind.title, child, path)


def keeps(converted: Converted, precision: str, graph: onnx.ModelProto, size: int) -> list[str]:
    """What a conversion did not keep, in sentences: integers must stay integers, and what was pruned gone.

    Args:
        size: bytes of the exported files.
    """
    stored, rounded = stored_numbers(widened(graph)), is_integer(graph)
    count, whole = sum(stored.values()), sum(converted.weights.values())
    integers = precision == "int8" or (precision == AS_IS and rounded)
    if not whole:  # the format does not tell: bytes do
        bytes_each = {"fp32": 4, "fp16": 2}.get(precision, 1)
        least = sum(n * BYTES.get(name, 4) for name, n in stored.items()) if precision == AS_IS else bytes_each * count
        if size > (MOST_OF_INTEGERS if integers else GREW) * least + NAMES_BYTES:
            kind = "integers" if integers else "its numbers"
            return [f"It takes {size:,} bytes for {count:,} weights: more than {kind} would."]
        return []
    said, wanted = [], _eight(stored) if rounded else count
    if integers and _eight(converted.weights) < KEPT_SHARE * wanted:
        said.append(f"Only {_eight(converted.weights):,} of {wanted:,} weights are still 8-bit integers.")
    if whole > GREW * count + SPARE_NUMBERS:
        said.append(
            f"It holds {whole:,} weights, and the file had {count:,}: what was pruned has come back, or what is stored "
            "once for several uses is stored for each."
        )
    return said


def _eight(weights: dict[str, int]) -> int:
    """How many of the numbers are 8-bit integers."""
    return sum(number for name, number in weights.items() if name in EIGHT_BITS)
