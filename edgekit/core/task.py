"""What a network is for, and so how its outputs are scored: the interface that every file in edgekit/tasks/ fills."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edgekit.core.measurement import Measurement

if TYPE_CHECKING:
    from torch import Tensor


class Task:
    """Turns outputs into answers, and answers into one score per sample.

    Attributes:
        title: for people.
        metric: of `core.measurement.QUALITIES`: the mean of all scores.
        labelled: whether it needs labels; without them, what the original network answers is taken for right.
        classes: whether an answer is the number of a class.
        per_class: whether a network puts out one number a class.
        sure: what the confidences say, for people.
        in_code: an expression that makes an answer of `outputs`, for who runs a file alone; empty for those of classes.
        group: how many samples of one class stand together in a training batch, for losses that compare samples.
        chooses: whether it also measures with what was chosen on validation samples: see `with_chosen`.
    """

    title: ClassVar[str]
    metric: ClassVar[str]
    labelled: ClassVar[bool] = True
    classes: ClassVar[bool] = True
    per_class: ClassVar[bool] = True
    sure: ClassVar[str] = "how sure each network is"
    in_code: ClassVar[str] = ""
    group: ClassVar[int] = 1
    chooses: ClassVar[bool] = False

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
        """One score per sample, or per group of samples that hang together; their mean is the metric."""
        raise NotImplementedError  # pragma: no cover

    def loss(self, outputs: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
        """What training makes small, of outputs (n, …) and labels (n,): the "mean" over samples, or their "sum"."""
        raise NotImplementedError  # pragma: no cover

    def soft_loss(self, outputs: Tensor, wanted: Tensor, temperature: float) -> Tensor:
        """How far outputs (n, …) are from those that a teacher gives, the mean over samples.

        Args:
            temperature: how soft answers that are classes are made before; above 0.
        """
        raise NotImplementedError  # pragma: no cover

    def truth(self, labels: np.ndarray, original: np.ndarray) -> np.ndarray:
        """What the answers are held against: the labels (n,), or what the original's outputs (n, …) say."""
        return labels if self.labelled else self.answers(original)

    def meant(self, answers: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """The answers (n,) as labels name them: they themselves, unless an answer is the place of another sample."""
        return answers

    def differ(self, before: np.ndarray, after: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Which of two files' answers (n,) count as different ones."""
        return before != after

    def more(self, outputs: np.ndarray, labels: np.ndarray, how: str) -> dict[str, Measurement]:
        """Further metrics of all samples together.

        Args:
            how: which samples.
        """
        return {}

    def with_chosen(
        self, validation: tuple[np.ndarray, np.ndarray], outputs: np.ndarray, labels: np.ndarray, how: str
    ) -> dict[str, Measurement]:
        """Further metrics, for tasks that `chooses` something, such as a threshold, on validation samples.

        Args:
            validation: outputs and labels of the same file there.
            how: which samples the others are.
        """
        return {}
