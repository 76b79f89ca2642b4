"""One number per sample: R² = 1 − Σ (label − answer)² / Σ (label − mean label)², the share of variance explained.

A sample scores 1 − (label − answer)² / variance of the labels, so that the mean of all scores is R². 1 is perfect, 0 is
no better than always answering with the mean, and below 0 is worse than that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgekit.core.task import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from edgekit.core.task import Sizes

CHANGED = 0.1  # standard deviations of the labels by which an answer must move to count as another one


class Regression(Task):
    """See the module docstring. Outputs are (n,) or (n, 1)."""

    title, metric, classes, graded = "Regression", "r2", False, True

    def asked(self, sizes: Sizes, title: str, classes: int) -> str:
        if sizes is None or sizes[1:] in ((), (1,)):
            return ""
        return f"{title} has one number a sample to come close to, so the first output must have the shape (batch, 1)"

    def well(self, samples: int) -> str:
        return f"of the variance of {samples} validation samples is explained"

    def answers(self, outputs: np.ndarray) -> np.ndarray:
        return outputs.reshape(len(outputs), -1)[:, 0].astype(np.float64)  # (n, 1) -> (n,)

    def confidences(self, outputs: np.ndarray) -> np.ndarray:
        return np.ones(len(outputs))  # it does not say

    def scores(self, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return 1 - np.square(labels - self.answers(outputs)) / max(np.var(labels), 1e-30)

    def loss(self, outputs: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
        """The squared distance."""
        from edgekit.tasks._losses import squared

        return squared(outputs, labels, reduction)

    def soft_loss(self, outputs: Tensor, wanted: Tensor, temperature: float) -> Tensor:
        """The squared distance from the teacher's answers."""
        from edgekit.tasks._losses import squared

        return squared(outputs, wanted, "mean")

    def said(self, answer: float, classes: Sequence[str]) -> str:
        return f"{answer:.4g}"

    def differ(self, before: np.ndarray, after: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return np.abs(after - before) > CHANGED * np.std(labels)
