"""One class per sample: the largest logit wins, and a sample scores 1 if that is its label. accuracy = right / n

Macro F1 is the mean over classes of 2 · true positives / (answers + labels of the class), which no frequent class can
carry alone. Its interval resamples the cells of the confusion matrix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgekit.core.measurement import Measurement, Origin
from edgekit.core.task import Task

if TYPE_CHECKING:
    from torch import Tensor

    from edgekit.core.task import Sizes

SUM_OFF = 1e-3  # probabilities of half precision or of 8-bit codes add up to one only about
RESAMPLES = 500
MOST_CLASSES = 100  # with more, resampling a confusion matrix would take longer than measuring


class Classification(Task):
    """See the module docstring. Outputs are logits or probabilities, (n, classes)."""

    title, metric = "Classification", "accuracy"

    def asked(self, sizes: Sizes, title: str, classes: int) -> str:
        if not classes or sizes is None or (len(sizes) == 2 and sizes[1] in (None, classes)):
            return ""
        return (
            f"to tell the {classes} classes of {title} apart, the first output must have the shape (batch, {classes})"
        )

    def well(self, samples: int) -> str:
        return f"of {samples} validation samples are right"

    def chance(self, classes: int) -> float:
        return 1 / classes if classes else 0.0

    def answers(self, outputs: np.ndarray) -> np.ndarray:
        return outputs.argmax(1)  # (n, classes) -> (n,)

    def confidences(self, outputs: np.ndarray) -> np.ndarray:
        if (outputs >= 0).all() and np.allclose(outputs.sum(1), 1, atol=SUM_OFF):  # it ends in a softmax
            return outputs.max(1).astype(np.float64)
        shifted = np.exp(outputs.astype(np.float64) - outputs.max(1, keepdims=True))  # (n, classes)
        return shifted.max(1) / shifted.sum(1)

    def scores(self, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return (self.answers(outputs) == labels).astype(np.float64)

    def loss(self, outputs: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
        """Cross-entropy."""
        from edgekit.tasks._losses import cross_entropy

        return cross_entropy(outputs, labels, reduction)

    def soft_loss(self, outputs: Tensor, wanted: Tensor, temperature: float) -> Tensor:
        """How far the softened answers are from the teacher's."""
        from edgekit.tasks._losses import softened

        return softened(outputs, wanted, temperature)

    def more(self, outputs: np.ndarray, labels: np.ndarray, how: str) -> dict[str, Measurement]:
        classes = outputs.shape[1]
        table = np.bincount(labels.astype(np.int64) * classes + self.answers(outputs), minlength=classes**2)
        value = float(macro_f1(table.reshape(classes, classes)))
        low = high = value
        if classes <= MOST_CLASSES:
            drawn = np.random.default_rng(0).multinomial(len(labels), table / len(labels), RESAMPLES)
            low, high = np.quantile(macro_f1(drawn.reshape(RESAMPLES, classes, classes)), [0.025, 0.975])
        found = Measurement(
            metric="macro_f1", value=value, low=min(float(low), value), high=max(float(high), value),
            origin=Origin.MEASURED, how=f"{how}, bootstrap interval",
        )  # fmt: skip
        return {"macro_f1": found}


def macro_f1(table: np.ndarray) -> np.ndarray:
    """The mean F1 over the classes that occur, of confusion matrices (…, classes, classes): rows are labels."""
    right = np.diagonal(table, axis1=-2, axis2=-1)  # (…, classes)
    either = table.sum(-1) + table.sum(-2)
    return (2 * right / np.maximum(either, 1)).sum(-1) / np.maximum((either > 0).sum(-1), 1)
