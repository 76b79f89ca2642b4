"""What a network is for, and so how its outputs are scored: the interface that every file in edgekit/tasks/ fills."""

from typing import ClassVar

import numpy as np

from edgekit.core.measurement import Measurement


class Task:
    """Turns outputs into answers, and answers into one score per sample.

    Attributes:
        title: for people.
        metric: of `core.measurement.QUALITIES`: the mean of all scores.
        labelled: whether it needs labels; without them, what the original network answers is taken for right.
        classes: whether an answer is the number of a class.
    """

    title: ClassVar[str]
    metric: ClassVar[str]
    labelled: ClassVar[bool] = True
    classes: ClassVar[bool] = True

    @property
    def id(self) -> str:
        """The task's name in data sets: the name of its file."""
        return type(self).__module__.rsplit(".", 1)[-1]

    def answers(self, outputs: np.ndarray) -> np.ndarray:
        """The answer to each sample: (n,)."""
        raise NotImplementedError  # pragma: no cover

    def confidences(self, outputs: np.ndarray) -> np.ndarray:
        """How sure the network is of each answer, in [0, 1]: (n,)."""
        raise NotImplementedError  # pragma: no cover

    def scores(self, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """One score per sample, whose mean is the metric: (n,)."""
        raise NotImplementedError  # pragma: no cover

    def truth(self, labels: np.ndarray, original: np.ndarray) -> np.ndarray:
        """What the answers are held against: the labels (n,), or what the original's outputs (n, …) say."""
        return labels if self.labelled else self.answers(original)

    def differ(self, before: np.ndarray, after: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Which of two files' answers (n,) count as different ones."""
        return before != after

    def more(self, outputs: np.ndarray, labels: np.ndarray, how: str) -> dict[str, Measurement]:
        """Further metrics of all samples together.

        Args:
            how: which samples.
        """
        return {}
