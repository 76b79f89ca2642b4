"""Samples without labels: a sample scores 1 if the answer is the one that the uncompressed network gives.

The answer is the place of the largest of all numbers that a network puts out.
"""

import numpy as np

from edgekit.core.measurement import Measurement
from edgekit.tasks.classification import Classification


class Agreement(Classification):
    """See the module docstring."""

    title, metric, labelled = "Agreement with the original", "agreement", False

    def answers(self, outputs: np.ndarray) -> np.ndarray:
        return super().answers(outputs.reshape(len(outputs), -1))  # (n, …) -> (n,)

    def confidences(self, outputs: np.ndarray) -> np.ndarray:
        return super().confidences(outputs.reshape(len(outputs), -1))

    def more(self, outputs, labels, how: str) -> dict[str, Measurement]:
        return {}
