"""What a network is for, and so how its outputs are scored: the interface that every file in edgekit/tasks/ fills."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from edgekit.core.measurement import METRICS, Measurement

if TYPE_CHECKING:
    from torch import Tensor

    Sizes = tuple[int | None, ...] | None


class Task:
    """Turns outputs into answers, and answers into one score per sample.

    An answer, and a label, is a number, or an array of the same shape for all samples, such as boxes.

    Attributes:
        title: for people.
        metric: of `core.measurement.QUALITIES`: the mean of all scores.
        labelled: whether it needs labels; without them, what the original network answers is taken for right.
        classes: whether an answer is the number of a class.
        per_class: whether a network puts out one number a class.
        sure: what the confidences say, for people.
        decoding, scoring: how files are run, and how scores are counted, for people, where that is not plain.
        in_code: an expression that makes an answer of `outputs`, for who runs a file alone; empty for those of classes.
        group: how many samples of one class stand together in a training batch, for losses that compare samples.
        in_place: whether answers are boxes, to be drawn into the sample.
        graded: whether an answer is nearer or farther, and none is right or wrong.
        writes: whether an answer is a text, written a piece at a time behind the source (preprocessing's TextPairs).
        chooses: whether it also measures with what was chosen on validation samples: see `with_chosen`.
    """

    title: ClassVar[str]
    metric: ClassVar[str]
    labelled: ClassVar[bool] = True
    classes: ClassVar[bool] = True
    per_class: ClassVar[bool] = True
    sure: ClassVar[str] = "how sure each network is"
    decoding: ClassVar[str] = ""
    scoring: str = ""
    in_place: ClassVar[bool] = False
    graded: ClassVar[bool] = False
    writes: ClassVar[bool] = False
    in_code: ClassVar[str] = ""
    group: ClassVar[int] = 1
    chooses: ClassVar[bool] = False

    @property
    def id(self) -> str:
        """The task's name in data sets: the name of its file."""
        return type(self).__module__.rsplit(".", 1)[-1]

    def run(self, once: Callable[[np.ndarray], np.ndarray], inputs: np.ndarray) -> np.ndarray:
        """What a file puts out for inputs (n, …), as the rest of the task takes it: one pass, unless it takes more.

        Args:
            once: runs the file on inputs (b, …) and gives its outputs (b, …).
        """
        return once(inputs)

    def outputs(self, classes: int) -> int:
        """How many numbers a network of ours puts out: of a sample, or of each place that it looks at."""
        return classes

    def asked(self, sizes: Sizes, title: str, classes: int) -> str:
        """What the first output of a file from elsewhere must be, in words; empty where its `sizes` are that.

        Args:
            sizes: the dimensions that the file declares, None where one is free; None where it declares none.
            title: of the data.
            classes: how many it has.
        """
        return ""

    def well(self, samples: int) -> str:
        """What a share of the metric on validation samples means, behind the percentage."""
        return f"{METRICS[self.metric].title} on {samples} validation samples"

    def chance(self, classes: int) -> float:
        """What guessing would score."""
        return 0.0

    def answers(self, outputs: np.ndarray) -> np.ndarray:
        """The answer to each sample: (n, …)."""
        raise NotImplementedError  # pragma: no cover

    def confidences(self, outputs: np.ndarray) -> np.ndarray:
        """How sure the network is of each answer, in [0, 1]: (n,)."""
        raise NotImplementedError  # pragma: no cover

    def scores(self, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """One score per sample, or per group of samples that hang together; their mean is the metric."""
        raise NotImplementedError  # pragma: no cover

    def batch_score(self, outputs: np.ndarray, labels: np.ndarray) -> float:
        """The metric of one batch in training; tasks whose scores take long have a shorter way."""
        return float(self.scores(outputs, labels).mean())

    def loss(self, outputs: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
        """What training makes small, of outputs and labels (n, …): the "mean" over samples, or their "sum"."""
        raise NotImplementedError  # pragma: no cover

    def soft_loss(self, outputs: Tensor, wanted: Tensor, temperature: float) -> Tensor:
        """How far outputs (n, …) are from those that a teacher gives, the mean over samples.

        Args:
            temperature: how soft answers that are classes are made before; above 0.
        """
        raise NotImplementedError  # pragma: no cover

    def truth(self, labels: np.ndarray, original: np.ndarray) -> np.ndarray:
        """What the answers are held against: the labels (n, …), or what the original's outputs (n, …) say."""
        return labels if self.labelled else self.answers(original)

    def meant(self, answers: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """The answers (n, …) as labels name them: they themselves, unless one is the place of another sample."""
        return answers

    def differ(self, before: np.ndarray, after: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Which of two files' answers (n, …) count as different ones: (n,)."""
        return np.any(before != after, axis=tuple(range(1, np.ndim(before))))

    def right(self, answers: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Which answers (n, …), as labels name them, are what the labels say: (n,)."""
        return ~self.differ(answers, labels, labels)

    def said(self, answer: Any, classes: Sequence[str]) -> str:
        """One answer or label in words.

        Args:
            classes: their names; none where the data knows none.
        """
        return classes[int(answer)] if classes else f"answer {answer:.0f}"

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
