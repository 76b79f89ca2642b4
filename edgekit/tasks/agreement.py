"""Samples without labels: a sample scores 1 if the answer is the one that the uncompressed network gives."""

from edgekit.core.measurement import Measurement
from edgekit.tasks.classification import Classification


class Agreement(Classification):
    """See the module docstring."""

    title, metric, labelled = "Agreement with the original", "agreement", False

    def more(self, outputs, labels, how: str) -> dict[str, Measurement]:
        return {}
