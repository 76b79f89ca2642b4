"""What is where? Outputs are maps: each cell says how far the thing that it lies on reaches, and of which class it is.

A found box is right if its class is, and if it overlaps a true one by half or more (intersection over union, IoU);
average precision is the area under precision over recall, as COCO counts it, and the metric is its mean over the
classes (Lin et al. 2014, arXiv:1405.0312), by pycocotools. `map_strict` is the mean over overlaps of 50 to 95 %.

No image has an average precision of its own. So there is one score a group of images, a centred jackknife pseudo-value
as in `verification`: score = θ + (G − 1) · (mean of A without one group − A without this one). A is the area under the
whole curve, which a few images move a little; the 101 recalls that COCO reads it at stay where they are, or jump. With
1,500 scenes that interval was as wide as one from drawing scenes themselves again and again (standard errors 0.23 and
0.24 points); read at 101 recalls, it was half as wide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgekit.core.interval import mean, pseudo_values
from edgekit.core.measurement import Measurement, Origin
from edgekit.core.task import Task
from edgekit.tasks._boxes import NOTHING, SAME, Matched, found, overlaps, present

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from edgekit.core.task import Sizes

SHOWN, MOST = 0.4, 16  # the lowest score of a box that is an answer; boxes in an answer
GROUPS = 100  # of images


class Detection(Task):
    """See the module docstring.

    Outputs are (n, 4 + classes, rows, columns), read as `_boxes.decoded` says. Labels and answers are boxes, (n, k, 5)
    and (n, MOST, 6): left, top, right and bottom in shares of the image's sides, the class, and how sure an answer is.
    Rows that are not needed hold −1.
    """

    title, metric, classes, per_class = "Detection", "map", False, False
    sure, in_place = "how sure each network is of its least certain box", True
    in_code = 'task("detection").answers(outputs)[0]'

    def outputs(self, classes: int) -> int:
        """Of each place four sides of a box, and how sure it is of each class."""
        return 4 + classes

    def asked(self, sizes: Sizes, title: str, classes: int) -> str:
        channels = self.outputs(classes)
        if sizes is None or (len(sizes) == 4 and sizes[1] in (None, channels)):
            return ""
        return (
            f"to find the {classes} classes of {title}, the first output must be a map of the shape (batch, "
            f"{channels}, rows, columns), as edgekit/tasks/_boxes.py reads it, without the part that makes boxes of "
            "maps"
        )

    def answers(self, outputs: np.ndarray) -> np.ndarray:
        """The boxes that it is sure enough of."""
        boxes = found(outputs)[:, :MOST]
        boxes[boxes[..., 5] < SHOWN] = NOTHING
        return boxes

    def confidences(self, outputs: np.ndarray) -> np.ndarray:
        """That of the least certain box; where there is none, how sure it is of that."""
        boxes = found(outputs)
        scores = np.where(present(boxes), boxes[..., 5], 0)  # (n, k), the highest first
        shown = scores >= SHOWN
        least = np.where(shown, scores, 1).min(1)
        return np.where(shown.any(1), least, 1 - scores[:, 0])

    def scores(self, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """One score a group of images that follow each other, (GROUPS,), or (n,) where there are fewer images."""
        return by_group(Matched(found(outputs), labels, np.array([SAME])))

    def batch_score(self, outputs: np.ndarray, labels: np.ndarray) -> float:
        return float(Matched(found(outputs), labels, np.array([SAME])).precision()[0])

    def loss(self, outputs: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
        """Quality focal loss of all cells, and generalized IoU of those that lie on something."""
        from edgekit.tasks._detection_losses import detection

        return detection(outputs, labels, reduction)

    def soft_loss(self, outputs: Tensor, wanted: Tensor, temperature: float) -> Tensor:
        """How far the maps are from the teacher's: scores everywhere, boxes where the teacher sees something."""
        from edgekit.tasks._detection_losses import like_the_teacher

        return like_the_teacher(outputs, wanted)

    def differ(self, before: np.ndarray, after: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Whether one has more boxes, or one that no box of the same class in the other overlaps by half or more."""
        same = overlaps(before, after, same_class=True) >= SAME  # (n, k, m)
        alone = [(present(boxes) & ~same.any(axis)).any(1) for boxes, axis in ((before, 2), (after, 1))]
        return alone[0] | alone[1] | (present(before).sum(1) != present(after).sum(1))

    def said(self, answer: Sequence[Sequence[float]], classes: Sequence[str]) -> str:
        """The classes from left to right: "3 · 7 · 7"."""
        return " · ".join(classes[int(box[4])] for box in sorted(answer) if box[4] >= 0) or "nothing"

    def more(self, outputs: np.ndarray, labels: np.ndarray, how: str) -> dict[str, Measurement]:
        share, kind = mean(by_group(Matched(found(outputs), labels)))
        strict = Measurement(
            metric="map_strict", value=share.value, low=share.low, high=share.high, origin=Origin.MEASURED,
            how=f"{how}, {kind} over {min(GROUPS, len(labels))} groups of them",
        )  # fmt: skip
        return {strict.metric: strict}


def judged(answer: Sequence, label: Sequence) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which boxes of one answer are right, which are wrong, and which of its label it missed, each (k, 5 or 6).

    The surest come first in an answer, and take the true box that they overlap most.
    """
    answer, label = np.asarray(answer, float), np.asarray(label, float)
    overlap = overlaps(answer[None], label[None], same_class=True)[0]  # (k, m)
    right, met = np.zeros(len(answer), bool), np.zeros(len(label), bool)
    for place, shares in enumerate(overlap):
        best = np.where(met, 0, shares).argmax()
        if not met[best] and shares[best] >= SAME:
            right[place] = met[best] = True
    return answer[right], answer[present(answer) & ~right], label[present(label) & ~met]


def by_group(matched: Matched) -> np.ndarray:
    """Centred jackknife pseudo-values, (groups,), whose mean is the mean average precision of all images."""
    group = np.arange(matched.images) * min(GROUPS, matched.images) // matched.images
    whole, count = matched.precision().mean(), group[-1] + 1
    if count == 1:
        return np.array([whole])
    left = np.array([matched.area(group != one).mean() for one in range(count)])
    return pseudo_values(whole, left)
