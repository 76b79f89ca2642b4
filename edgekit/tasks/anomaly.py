"""How unlike anything normal is this sample? Outputs are what a network could not rebuild, and large ones are odd.

A network that was trained to rebuild normal samples puts out what is left of each: input − reconstruction. The mean of
its squares is the anomaly score of the sample. The metric is the area under the ROC curve (AUC): how often an anomalous
sample scores above a normal one, ties counting half; 0.5 is chance.

    score of a sample = AUC + n / n₁ · (share of normal ones below it − AUC)       if it is anomalous, n₁ of n
                        AUC + n / n₀ · (share of anomalous ones above it − AUC)    if it is normal, n₀ of n

so that the mean of all scores is the AUC, and their variance that of DeLong, DeLong and Clarke-Pearson 1988 (Biometrics
44:837), for one file and for the difference of two. Neighbours in a recording are alike, so there is one score for each
block of ⌈∛n⌉ samples that follow each other (Künsch 1989, Annals of Statistics 17:1217; the length: Hall, Horowitz and
Jing 1995, Biometrika 82:561); where samples are in no order, blocks change nothing.

Where all samples are normal, as those for training and validation are, nothing can be told apart: the score is then
1 − the mean square of what is left, which for inputs of unit variance is the share of it that the network rebuilds.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from edgekit.core.interval import wilson
from edgekit.core.measurement import Measurement, Origin
from edgekit.core.task import Task

if TYPE_CHECKING:
    from torch import Tensor

ALARMS = 0.05  # the share of samples that are called anomalous; of normal ones, where a threshold is chosen on those
MOST = 1e6  # what is left of a value, at most


class Anomaly(Task):
    """See the module docstring. Outputs are (n, …), of any shape; labels are (n,), 0 for normal and 1 for anomalous."""

    title, metric, per_class, chooses = "Anomaly score", "auc", False, True
    sure = "the share of samples that are less odd"
    in_code = "np.square(outputs[0]).mean()"  # the larger, the odder

    def well(self, samples: int) -> str:
        return f"of {samples} validation samples, which are normal, is rebuilt"

    def answers(self, outputs: np.ndarray) -> np.ndarray:
        """1 for the ALARMS oddest of these samples, 0 for the others."""
        return (self.confidences(outputs) > 1 - ALARMS).astype(np.int64)

    def confidences(self, outputs: np.ndarray) -> np.ndarray:
        """Which share of these samples is less odd, ties counting half: no probability."""
        odd = oddness(outputs)
        return below(odd, odd)

    def scores(self, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """One score a block of samples, (⌈n / ⌈∛n⌉⌉,) in their order."""
        odd, anomalous = oddness(outputs), np.asarray(labels) == 1
        if anomalous.all() or not anomalous.any():
            return in_blocks(np.where(anomalous, 0.0, 1 - odd))
        found = np.empty(len(odd))
        found[anomalous] = below(odd[anomalous], odd[~anomalous])  # both have the AUC for their mean
        found[~anomalous] = 1 - below(odd[~anomalous], odd[anomalous])
        auc = found[anomalous].mean()
        weight = np.where(anomalous, anomalous.size / anomalous.sum(), anomalous.size / (~anomalous).sum())
        return in_blocks(auc + weight * (found - auc))

    def loss(self, outputs: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
        """The mean square of what is left of normal samples; anomalous ones are not to be learned."""
        from edgekit.tasks._losses import left_over

        return left_over(outputs, labels, reduction)

    def soft_loss(self, outputs: Tensor, wanted: Tensor, temperature: float) -> Tensor:
        """The mean squared distance from what the teacher leaves; there are no classes to soften."""
        from edgekit.tasks._losses import squared

        return squared(outputs, wanted, "mean")

    def with_chosen(
        self, validation: tuple[np.ndarray, np.ndarray], outputs: np.ndarray, labels: np.ndarray, how: str
    ) -> dict[str, Measurement]:
        """How many anomalies are found, at a threshold that calls ALARMS of the normal validation samples anomalous."""
        before, odd, anomalous = oddness(validation[0])[validation[1] == 0], oddness(outputs), labels == 1
        if not len(before) or not anomalous.any():
            return {}
        threshold = float(np.quantile(before, 1 - ALARMS))
        share = wilson(float((odd[anomalous] > threshold).sum()), int(anomalous.sum()))
        false = f"{(odd[~anomalous] > threshold).mean():.1%} of the normal ones" if not anomalous.all() else "nothing"
        found = Measurement(
            metric="tpr_at_fpr5", value=share.value, low=share.low, high=share.high, origin=Origin.MEASURED,
            how=f"{anomalous.sum()} anomalous of {how}, Wilson interval; threshold {threshold:.3g}, chosen on "
            f"{len(before)} other normal ones, also calls {false} anomalous",
        )  # fmt: skip
        return {found.metric: found}


def oddness(outputs: np.ndarray) -> np.ndarray:
    """The mean square of what is left of each sample, (n,); what overflowed, as in FP16 it may, is as odd as can be."""
    left = outputs.reshape(len(outputs), -1).astype(np.float64)
    return np.square(np.clip(np.nan_to_num(left, nan=MOST), -MOST, MOST)).mean(1)


def below(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which share of the others (m,) is below each value (n,), ties counting half."""
    ordered = np.sort(others)
    return (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")) / (2 * len(others))


def in_blocks(values: np.ndarray) -> np.ndarray:
    """One number a block of neighbours, with the same mean as the values (n,); where blocks end, the docstring says."""
    n, mean = len(values), values.mean()
    blocks = math.ceil(n / math.ceil(round(n ** (1 / 3), 9)))
    return np.array([mean + blocks / n * (some - mean).sum() for some in np.array_split(values, blocks)])
