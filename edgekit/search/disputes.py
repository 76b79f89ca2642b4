"""Runs side by side on the same samples: which ones they answer differently, and how often any two agree."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgekit.core.run import Answer
from edgekit.core.task import Task


@dataclass(frozen=True)
class Dispute:
    """A test sample that not all runs answer alike.

    Attributes:
        sample: its index in the evaluation split.
        label: its class, the number to come close to, or a list of them.
        answers: of each run, in order.
        confidences: of each run in its own answer, in [0, 1].
        right: whether each run's answer is what the label says.
    """

    sample: int
    label: Answer
    answers: tuple[Answer, ...]
    confidences: tuple[float, ...]
    right: tuple[bool, ...]


def disputes(
    outputs: Sequence[np.ndarray], labels: np.ndarray, task: Task, indices: np.ndarray | None = None
) -> list[Dispute]:
    """All samples on which at least two runs differ, those first where the runs are surest of their answers.

    Args:
        outputs: one array (n, classes) a run, of the same samples in the same order.
        labels: (n, …).
        indices: (n,) of the samples in the evaluation split; 0 … n−1 where they are all of it.
    """
    answers = np.stack([task.meant(task.answers(o), labels) for o in outputs])  # (runs, n, …)
    sure = np.stack([task.confidences(o) for o in outputs])  # (runs, n)
    differing = np.flatnonzero(np.any([task.differ(answers[0], other, labels) for other in answers[1:]], axis=0))
    right = np.stack([task.right(one, labels) for one in answers])  # (runs, n)
    order = differing[np.argsort(-sure[:, differing].min(0), kind="stable")]
    indices = np.arange(len(labels)) if indices is None else indices
    return [
        Dispute(int(indices[i]), labels[i].tolist(), *(tuple(one[:, i].tolist()) for one in (answers, sure, right)))
        for i in order
    ]


def agreement(outputs: Sequence[np.ndarray], labels: np.ndarray, task: Task) -> np.ndarray:
    """The share of samples on which two runs give the same answer: (runs, runs), ones on the diagonal."""
    answers = np.stack([task.meant(task.answers(o), labels) for o in outputs])  # (runs, n, …)
    return np.array([[1 - task.differ(one, other, labels).mean() for other in answers] for one in answers])
