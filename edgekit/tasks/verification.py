"""Are these two samples of the same person? Outputs are embeddings, and two are compared by the cosine between them.

Every pair of samples is asked about. At a threshold, some pairs of one person are turned away and some pairs of two
people let in; the equal error rate (EER) is that of the threshold where both shares are the same, read off the ROC
curve with straight lines between its points (Jain, Ross and Prabhakar 2004, IEEE TCSVT 14(1)). metric = 1 − EER

Pairs that share a person are not independent, people are: so there is one score a person, a centred jackknife
pseudo-value, whose mean is the metric of all of them and whose bootstrap stands for one over people (Efron and
Tibshirani 1993, "An introduction to the bootstrap", chapter 11):  score = θ + (G − 1) · (mean of θ without one − θ
without this one). With ten simulated people that interval was 0.85 to 1.12 times as wide as one from drawing people
themselves again and again, and 1.01 times on average.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgekit.core.errors import DataError
from edgekit.core.interval import mean, pseudo_values
from edgekit.core.measurement import Measurement, Origin
from edgekit.core.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

TEMPERATURE = 0.1  # of the loss
LET_IN = 0.01  # the share of pairs of two people that the chosen threshold lets in


class Verification(Task):
    """See the module docstring. Outputs are (n, d), of any length; labels are (n,) numbers of people."""

    title, metric, per_class, group, chooses = "Verification", "verification", False, 4, True
    sure = "how similar the most similar other sample is, whose person is the answer"
    in_code = "outputs[0] / np.linalg.norm(outputs[0])"  # products of two of these, summed, say how similar they are

    def chance(self, classes: int) -> float:
        return 0.5

    def answers(self, outputs: np.ndarray) -> np.ndarray:
        """The place of the most similar other sample."""
        return _nearest(outputs).argmax(1)  # (n, d) -> (n,)

    def confidences(self, outputs: np.ndarray) -> np.ndarray:
        """How similar that one is: its cosine, or 0 where that is negative. It is not a probability."""
        return np.clip(_nearest(outputs).max(1), 0, 1)

    def scores(self, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """One score a person, (people,) in the order of their numbers.

        Raises:
            DataError: there are no two samples of one person, or there is only one person.
        """
        return by_person(pairs(outputs, labels), lambda some: 1 - some.equal_error)

    def loss(self, outputs: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
        """The supervised contrastive loss."""
        from edgekit.tasks._losses import contrastive

        return contrastive(outputs, labels, TEMPERATURE, reduction)

    def soft_loss(self, outputs: Tensor, wanted: Tensor, temperature: float) -> Tensor:
        """How far the similarities are from the teacher's; there are no classes to soften."""
        from edgekit.tasks._losses import relational

        return relational(outputs, wanted)

    def meant(self, answers: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Whose sample the most similar one is."""
        return labels[answers]

    def with_chosen(
        self, validation: tuple[np.ndarray, np.ndarray], outputs: np.ndarray, labels: np.ndarray, how: str
    ) -> dict[str, Measurement]:
        """How many right pairs are let in, at a threshold that lets in LET_IN of the wrong ones in validation."""
        threshold = pairs(*validation).threshold(LET_IN)
        found = pairs(outputs, labels)
        share, kind = mean(by_person(found, lambda some: some.let_in(threshold)[0]))
        wrong, others = found.let_in(threshold)[1], len(np.unique(validation[1]))
        said = f"{how}, {kind} over people; threshold {threshold:.4f}, chosen on {others} other people"
        tar = Measurement(
            metric="tar_at_far1", value=share.value, low=share.low, high=share.high, origin=Origin.MEASURED,
            how=f"{said}, lets in {wrong:.2%} of the wrong pairs",
        )  # fmt: skip
        return {tar.metric: tar}


@dataclass(frozen=True)
class Pairs:
    """All pairs of some samples.

    Attributes:
        likeness: (pairs,) cosines.
        people: (pairs, 2) numbers of the people in each.
    """

    likeness: np.ndarray
    people: np.ndarray

    @property
    def same(self) -> np.ndarray:
        """(pairs,) whether both samples are of one person."""
        return self.people[:, 0] == self.people[:, 1]

    @property
    def equal_error(self) -> float:
        """The equal error rate."""
        _, wrong, right = self.roc()
        gap = wrong - (1 - right)  # climbs from −1 to 1
        after = int(np.argmax(gap >= 0))
        share = gap[after] / (gap[after] - gap[after - 1])  # how far back from there the lines cross
        return float(wrong[after] - share * (wrong[after] - wrong[after - 1]))

    def without(self, person: int) -> Pairs:
        """Those that this person is not in."""
        kept = (self.people != person).all(1)
        return Pairs(self.likeness[kept], self.people[kept])

    def let_in(self, threshold: float) -> tuple[float, float]:
        """The shares of pairs of one person, and of two people, that are at least so similar."""
        inside, same = self.likeness >= threshold, self.same
        return float(inside[same].mean()), float(inside[~same].mean())

    def threshold(self, most: float) -> float:
        """The lowest that lets in at most this share of pairs of two people."""
        thresholds, wrong, _ = self.roc()
        return float(thresholds[np.flatnonzero(wrong <= most)[-1]])

    def roc(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(points,) thresholds from infinity down, with the shares let in of pairs of two people and of one."""
        order = np.argsort(-self.likeness, kind="stable")
        likeness, same = self.likeness[order], self.same[order]
        last = np.append(np.flatnonzero(np.diff(likeness)), len(likeness) - 1)  # of those that are equally similar
        right, wrong = (np.cumsum(one)[last] / one.sum() for one in (same, ~same))
        return np.append(np.inf, likeness[last]), np.append(0.0, wrong), np.append(0.0, right)


def pairs(outputs: np.ndarray, labels: np.ndarray) -> Pairs:
    """All pairs of samples, by their embeddings (n, d) and people (n,).

    Raises:
        DataError: there are no two samples of one person, or there is only one person.
    """
    first, second = np.triu_indices(len(labels), 1)
    z = _unit(outputs)
    found = Pairs((z @ z.T)[first, second], np.stack([labels[first], labels[second]], 1))
    if not found.same.any() or found.same.all():
        raise DataError(
            "verification needs two people or more, and two samples or more of one of them; these are "
            f"{len(labels)} samples of {len(np.unique(labels))} people. Take more samples."
        )
    return found


def by_person(found: Pairs, measure: Callable[[Pairs], float]) -> np.ndarray:
    """Centred jackknife pseudo-values, (people,), whose mean is what `measure` gives of all pairs.

    Where leaving one person out leaves nothing to measure, all of them get the value of all pairs.
    """
    people, whole = np.unique(found.people), measure(found)
    rest = [found.without(person) for person in people]
    if any(some.same.all() or not some.same.any() for some in rest):
        return np.full(len(people), whole)
    return pseudo_values(whole, np.array([measure(some) for some in rest]))


def _nearest(outputs: np.ndarray) -> np.ndarray:
    """Cosines of all samples with all others, (n, n); a sample is no other of itself."""
    z = _unit(outputs)
    likeness = z @ z.T
    np.fill_diagonal(likeness, -np.inf)
    return likeness


def _unit(outputs: np.ndarray) -> np.ndarray:
    """Embeddings of length one, (n, d); what overflowed, as a network in FP16 may, is like nothing."""
    flat = np.nan_to_num(outputs.reshape(len(outputs), -1).astype(np.float64), posinf=0, neginf=0)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
