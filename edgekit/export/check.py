"""The check of an exported file: in its own runtime, on test samples, beside the ONNX file that it was made of."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from edgekit.core.measurement import METRICS
from edgekit.core.model import Model
from edgekit.core.progress import Progress, part
from edgekit.data.splits import Samples
from edgekit.export.exported import WORST_POINTS, WORST_SHARE
from edgekit.export.format import AS_IS, Converted, Format
from edgekit.export.formats import format_of
from edgekit.export.graphs import is_integer, widened
from edgekit.export.race import Runner, by_turns
from edgekit.measure.accuracy import accuracy, disagreements
from edgekit.measure.latency import speed
from edgekit.measure.outputs import outputs

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORT_SAMPLES = 100  # for tasks that take many passes a sample
KEPT_SHARE = 0.9  # of the weights that must still be integers
GREW = 1.1  # more weights than before, and pruned ones have come back
EIGHT_BITS = {"int8", "uint8", "i8", "u8"}
BYTES = dict.fromkeys(EIGHT_BITS, 1) | {"float16": 2, "int16": 2, "float64": 8, "int64": 8}  # of others 4
NAMES_BYTES = 64_000  # what a file may hold besides weights


def checked(
    kind: Format, converted: Converted, folder: Path, original: Path, model: Model, samples: Samples, progress: Progress
) -> dict[str, Any]:
    """Fields of an `Exported`: quality, disagreements and latency, where the format runs here."""
    if not kind.runs:
        return {"notes": [*converted.notes, kind.why_not]}
    if model.task.decoding:
        samples = samples.take(SHORT_SAMPLES)
    before = outputs(original, samples, model.preprocessing, part(progress, 0, 0.1))
    with tempfile.TemporaryDirectory() as beside, runner(kind, folder / converted.main) as ours:
        runtime = ours.open(part(progress, 0.1, 0.2))
        running = part(progress, 0.2, 0.6)
        inputs = model.preprocessing(samples.raw)
        after = model.task.run(lambda rows: ours.answer(rows, Path(beside), running), inputs)
        after = after.reshape(before.shape).astype(np.float32)
        sample = Path(beside) / "sample.npy"
        np.save(sample, inputs[:1])
        with runner(format_of("onnx"), original) as theirs:
            turns = by_turns([ours, theirs], sample, part(progress, 0.6, 1))
    labels = model.task.truth(samples.labels, before)
    which = f"{len(samples):,} test samples of {samples.data}"
    scores = [model.task.scores(found, labels) for found in (after, before)]
    ours_now, original_now = (accuracy(score, which, model.task.metric) for score in scores)
    other = disagreements(before, after, labels, model.task, limit=0).count
    ratio = turns.ratio([0], [1])
    found = {
        "runtime": runtime, "samples": len(samples), "quality": ours_now, "original": original_now,
        "points_lost": 100 * (original_now.value - ours_now.value), "disagreements": other,
        "latency": turns.latency(0).latency_ms, "original_latency": turns.latency(1).latency_ms,
        "ratio": ratio, "speed": speed(ratio),
    }  # fmt: skip
    return found | {"problems": _answers(found), "notes": converted.notes}


@contextlib.contextmanager
def runner(kind: Format, path: Path) -> Iterator[Runner]:
    """A file in its runtime; the process ends with the `with`."""
    with kind.child(to_run=True) as child:
        yield Runner(kind.title, child, path)


def keeps(kind: Format, converted: Converted, precision: str, graph: onnx.ModelProto, size: int) -> list[str]:
    """What a conversion did not keep, in sentences: integers must stay integers, and what was pruned gone.

    Args:
        size: bytes of the exported files.
    """
    stored, rounded = _weights(widened(graph)), is_integer(graph)
    count, whole, said = sum(stored.values()), sum(converted.weights.values()), []
    if precision == "int8" or (precision == AS_IS and rounded):
        integers, wanted = _eight(converted.weights), _eight(stored) if rounded else count
        least = sum(number * BYTES.get(name, 4) for name, number in stored.items()) if rounded else count
        if whole and integers < KEPT_SHARE * wanted:
            said.append(f"Only {integers:,} of {wanted:,} weights are still 8-bit integers.")
        elif not whole and size > 2 * least + NAMES_BYTES:
            said.append(f"It takes {size:,} bytes for {count:,} weights: more than integers would.")
    if whole > GREW * count + NAMES_BYTES // 4:
        said.append(f"It holds {whole:,} weights, and the file had {count:,}: what was pruned has come back.")
    return said


def _eight(weights: dict[str, int]) -> int:
    """How many of the numbers are 8-bit integers."""
    return sum(number for name, number in weights.items() if name in EIGHT_BITS)


def _weights(graph: onnx.ModelProto) -> dict[str, int]:
    """How many numbers of each type are stored."""
    found: dict[str, int] = {}
    for tensor in graph.graph.initializer:
        name = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).name
        found[name] = found.get(name, 0) + int(np.prod(tensor.dims))
    return found


def _answers(found: dict[str, Any]) -> list[str]:
    """What the samples say against it."""
    said, title = [], METRICS[found["quality"].metric].title
    if found["points_lost"] > WORST_POINTS:
        said.append(
            f"{title} is {found['points_lost']:.1f} points below the ONNX file's; at most {WORST_POINTS} is good."
        )
    if found["disagreements"] > WORST_SHARE * found["samples"]:
        share = found["disagreements"] / found["samples"]
        said.append(
            f"It answers {share:.1%} of the samples differently from the ONNX file; at most {WORST_SHARE:.0%} is good."
        )
    return said
