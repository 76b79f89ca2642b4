"""What a network is for, and so how its outputs are scored. One class a task."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

SUM_OFF = 1e-3  # probabilities of half precision or of 8-bit codes add up to one only about


class Task:
    """Turns outputs into answers, and answers into one score per sample.

    Attributes:
        metric: of `core.measurement.QUALITIES`: the mean of all scores.
        labelled: whether it needs labels; without them, what the original network answers is taken for right.
    """

    id: ClassVar[str]
    title: ClassVar[str]
    metric: ClassVar[str]
    labelled: ClassVar[bool] = True

    def truth(self, labels: np.ndarray, original: np.ndarray) -> np.ndarray:
        """What the answers are held against: the labels (n,), or what the original's outputs (n, …) say."""
        return labels if self.labelled else self.answers(original)

    def answers(self, outputs: np.ndarray) -> np.ndarray:
        """The answer to each sample: (n,)."""
        raise NotImplementedError  # pragma: no cover

    def confidences(self, outputs: np.ndarray) -> np.ndarray:
        """How sure the network is of each answer, in [0, 1]: (n,)."""
        raise NotImplementedError  # pragma: no cover

    def scores(self, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """One score per sample, whose mean is the metric: (n,)."""
        raise NotImplementedError  # pragma: no cover


class Classification(Task):
    """One class per sample: the largest logit wins, and a sample scores 1 if that is its label."""

    id, title, metric = "classification", "Classification", "accuracy"

    def answers(self, outputs: np.ndarray) -> np.ndarray:
        return outputs.argmax(1)  # (n, classes) -> (n,)

    def confidences(self, outputs: np.ndarray) -> np.ndarray:
        if (outputs >= 0).all() and np.allclose(outputs.sum(1), 1, atol=SUM_OFF):  # it ends in a softmax
            return outputs.max(1).astype(np.float64)
        shifted = np.exp(outputs.astype(np.float64) - outputs.max(1, keepdims=True))  # (n, classes)
        return shifted.max(1) / shifted.sum(1)

    def scores(self, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return (self.answers(outputs) == labels).astype(np.float64)


class Agreement(Classification):
    """Samples without labels: a sample scores 1 if the answer is the one that the uncompressed network gives."""

    id, title, metric, labelled = "agreement", "Agreement with the original", "agreement", False


class RandomAgreement(Agreement):
    """The same on made-up inputs, of which it says little how well a network does on real ones."""

    id, title, metric = "random_agreement", "Agreement on random inputs", "random_agreement"


def task_for(classes: Sequence[str], synthetic: bool = False) -> Task:
    """What a network of a data set is for: to tell its classes, or, where there are none, to answer as before."""
    if synthetic:
        return RandomAgreement()
    return Classification() if classes else Agreement()
