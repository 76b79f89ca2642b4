"""One number per sample: R² = 1 − Σ (label − answer)² / Σ (label − mean label)², the share of variance explained.

A sample scores 1 − (label − answer)² / variance of the labels, so that the mean of all scores is R². 1 is perfect, 0 is
no better than always answering with the mean, and below 0 is worse than that.
"""

import numpy as np

from edgekit.core.task import Task

CHANGED = 0.1  # standard deviations of the labels by which an answer must move to count as another one


class Regression(Task):
    """See the module docstring. Outputs are (n,) or (n, 1)."""

    title, metric, classes = "Regression", "r2", False

    def answers(self, outputs: np.ndarray) -> np.ndarray:
        return outputs.reshape(len(outputs), -1)[:, 0].astype(np.float64)  # (n, 1) -> (n,)

    def confidences(self, outputs: np.ndarray) -> np.ndarray:
        return np.ones(len(outputs))  # it does not say

    def scores(self, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return 1 - np.square(labels - self.answers(outputs)) / max(np.var(labels), 1e-30)

    def differ(self, before: np.ndarray, after: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return np.abs(after - before) > CHANGED * np.std(labels)
