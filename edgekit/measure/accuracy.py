"""From answers to the numbers and pictures about right and wrong."""

import numpy as np

from edgekit.core.interval import mean
from edgekit.core.measurement import Measurement, Origin
from edgekit.core.run import Disagreement, Disagreements
from edgekit.core.task import Task
from edgekit.measure.noise import sqnr_db

MOST_DB = 300.0  # where nothing moved at all: JSON knows no infinity


def accuracy(scores: np.ndarray, how: str, metric: str = "accuracy") -> Measurement:
    """The mean score, with its interval.

    Args:
        scores: (n,), one per sample of a held-out split.
        how: which samples.
        metric: accuracy, or what stands in for it.
    """
    share, kind = mean(scores)
    return Measurement(
        metric=metric, value=share.value, low=share.low, high=share.high, origin=Origin.MEASURED,
        how=f"{how}, {kind}",
    )  # fmt: skip


def sqnr(before: np.ndarray, after: np.ndarray, how: str) -> Measurement:
    """How much larger the outputs are than their change.

    Args:
        before, after: outputs (n, …) of the uncompressed and the compressed file.
    """
    value = float(np.clip(sqnr_db(before, after), -MOST_DB, MOST_DB))
    return Measurement(metric="sqnr_db", value=value, low=value, high=value, origin=Origin.MEASURED, how=how)


def disagreements(
    before: np.ndarray,
    after: np.ndarray,
    labels: np.ndarray,
    task: Task,
    limit: int = 24,
    indices: np.ndarray | None = None,
) -> Disagreements:
    """The samples that two files answer differently: how many, and the first few.

    Args:
        before, after: outputs (n, …) of the uncompressed and the compressed file.
        labels: (n, …)
        limit: how many to list.
        indices: (n,) places of the samples in the test set; 0 … n − 1 by default.
    """
    answers = [task.meant(task.answers(outputs), labels) for outputs in (before, after)]
    changed = np.flatnonzero(task.differ(*answers, labels))
    listed = changed[:limit]
    sure = [_confidences(task, outputs)[listed] for outputs in (before, after)]
    examples = [
        Disagreement(
            sample=int(i if indices is None else indices[i]), label=labels[i].tolist(),
            before=answers[0][i].tolist(), after=answers[1][i].tolist(),
            before_confidence=float(sure[0][k]), after_confidence=float(sure[1][k]),
        )
        for k, i in enumerate(listed)
    ]  # fmt: skip
    return Disagreements(count=len(changed), total=len(labels), examples=examples)


def confusion(answers: np.ndarray, labels: np.ndarray, classes: int) -> list[list[int]]:
    """How often each label (row) got each answer (column); the diagonal is right."""
    table = np.zeros((classes, classes), np.int64)
    np.add.at(table, (labels, answers), 1)
    return table.tolist()


def _confidences(task: Task, outputs: np.ndarray) -> np.ndarray:
    """Outputs that overflowed, as a network in FP16 may, are no confidence at all."""
    if not len(outputs):
        return np.zeros(0)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.nan_to_num(task.confidences(outputs), nan=0.0)
