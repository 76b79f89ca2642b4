"""Everything that is measured of one file to make it a point on the charts, beside the float file it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edgekit.core.measurement import Measurement
from edgekit.core.model import Model
from edgekit.core.progress import Progress, part, silent
from edgekit.core.run import Comparison, Disagreements
from edgekit.data.splits import Samples, Split, load
from edgekit.measure.accuracy import accuracy, confusion, disagreements, sqnr
from edgekit.measure.latency import Latency, time_one, time_pair
from edgekit.measure.memory import peak_memory
from edgekit.measure.outputs import outputs
from edgekit.measure.size import compressed, counted
from edgekit.measure.statistics import paired_difference, paired_p

SPLITS = {Split.EVALUATION: "test", Split.VALIDATION: "validation"}


@dataclass(frozen=True)
class Base:
    """The float file to compare with: where it lies, what was measured of it, and its outputs (n, …)."""

    path: Path
    measurements: dict[str, Measurement]
    outputs: np.ndarray


@dataclass(frozen=True)
class Point:
    """What is known of a file once it can be drawn. The fields are those of a Run, and the outputs (n, …)."""

    outputs: np.ndarray
    measurements: dict[str, Measurement]
    confusion: list[list[int]]
    baseline_measurements: dict[str, Measurement] = field(default_factory=dict)
    comparison: Comparison | None = None
    disagreements: Disagreements | None = None


def point(
    path: Path,
    model: Model,
    samples: Samples,
    base: Base | None,
    progress: Progress = silent,
    timed: bool = True,
    answers: np.ndarray | None = None,
) -> Point:
    """Accuracy, counted size and latency of a file, interleaved and paired with its baseline if there is one.

    Args:
        timed: whether latency is measured too.
        answers: what the file answers to the samples (n, …), where that is known.
    """
    task, found = model.task, answers
    if found is None:
        found = outputs(path, samples, model.preprocessing, part(progress, 0, 0.6))  # (n, classes)
    labels = task.truth(samples.labels, base.outputs if base else found)
    scores = task.scores(found, labels)
    which = ", ".join(
        filter(
            None, [f"{len(samples):,} {SPLITS[samples.split]} samples of {samples.data}", task.decoding, task.scoring]
        )
    )
    measurements = {task.metric: accuracy(scores, which, task.metric)} | task.more(found, labels, which) | counted(path)
    if base and not task.labelled:
        measurements["sqnr_db"] = sqnr(base.outputs, found, which)
    if task.chooses:
        others = load(samples.data).validation
        chosen_on = outputs(path, others, model.preprocessing), others.labels
        measurements |= task.with_chosen(chosen_on, found, labels, which)
    table = []
    if task.labelled and task.classes:
        table = confusion(task.meant(task.answers(found), labels), labels, len(model.labels))
    timing_progress = part(progress, 0.6, 1)
    if base is None:
        timed_alone = _latency(time_one(path, progress=timing_progress)) if timed else {}
        return Point(found, measurements | timed_alone, table)
    timing = time_pair(path, base.path, progress=timing_progress) if timed else None
    before, beside = task.scores(base.outputs, labels), {}
    if timing:
        measurements |= _latency(timing)
        beside = {"latency_ms": timing.baseline_latency_ms, "latency_p95_ms": timing.baseline_latency_p95_ms}
    comparison = Comparison(
        latency_ratio=timing.ratio if timing else None,
        speed=timing.speed if timing else "",
        size_ratio=measurements["size_bytes"].value / base.measurements["size_bytes"].value,
        accuracy_difference=paired_difference(before, scores),
        p_value=paired_p(before, scores),
    )
    return Point(
        found,
        measurements,
        table,
        base.measurements | beside,
        comparison,
        disagreements(base.outputs, found, labels, task, indices=samples.indices),
    )


def later(path: Path, progress: Progress = silent) -> dict[str, Measurement]:
    """What may follow after the point is drawn: peak memory, and size as shipped and once coded."""
    memory = peak_memory(path, progress=part(progress, 0, 0.5))
    return {"peak_memory_bytes": memory} | compressed(path, part(progress, 0.5, 1))


def _latency(timing: Latency) -> dict[str, Measurement]:
    return {"latency_ms": timing.latency_ms, "latency_p95_ms": timing.latency_p95_ms}
