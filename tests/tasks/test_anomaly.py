"""AUC by hand and by counting pairs, its interval, blocks of neighbours, and what is said where all is normal."""

import math

import numpy as np
import pytest
import torch

from edgekit.core.interval import mean
from edgekit.measure.statistics import paired_difference, paired_p
from edgekit.tasks import task
from edgekit.tasks.anomaly import in_blocks, oddness

ANOMALY = task("anomaly")


def left(odd: list[float] | np.ndarray) -> np.ndarray:
    """Outputs (n, 2) whose mean square is what is given."""
    return np.sqrt(np.repeat(np.asarray(odd, float)[:, None], 2, 1)) * [1, -1]


def drawn(n: int = 400, seed: int = 0, apart: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Outputs (n, 2), and labels of which every tenth is 1."""
    generator, labels = np.random.default_rng(seed), (np.arange(n) % 10 == 0).astype(np.int64)
    return left(np.exp(generator.normal(size=n) + apart * labels)), labels


def auc(outputs: np.ndarray, labels: np.ndarray) -> float:
    return ANOMALY.scores(outputs, labels).mean()


@pytest.mark.parametrize(
    ("odd", "labels", "wanted"),
    [
        ([1, 2, 3, 4], [0, 0, 1, 1], 1),
        ([4, 3, 2, 1], [0, 0, 1, 1], 0),
        ([1, 1, 1, 1], [0, 1, 0, 1], 0.5),  # nothing is told apart
        ([1, 2, 2, 3], [0, 0, 1, 1], 3.5 / 4),  # one tie of four pairs
        ([1, 3, 2, 4], [0, 0, 1, 1], 3 / 4),
    ],
)
def test_the_area_by_hand(odd, labels, wanted):
    assert auc(left(odd), np.array(labels)) == pytest.approx(wanted, abs=1e-12)


def test_the_area_is_the_share_of_pairs_in_the_right_order_ties_counting_half():
    outputs, labels = drawn()
    outputs = outputs.round(1)  # so that there are ties
    odd = oddness(outputs)
    pairs = np.sign(odd[labels == 1][:, None] - odd[labels == 0])
    assert (pairs == 0).any()
    assert auc(outputs, labels) == pytest.approx((pairs + 1).mean() / 2)


def test_the_interval_is_delongs_where_samples_are_independent():
    outputs, labels = drawn()
    odd = oddness(outputs)
    over = (odd[labels == 1][:, None] > odd[labels == 0]).astype(float)  # (anomalous, normal)
    error = math.sqrt(sum(over.mean(axis).var(ddof=1) / over.shape[1 - axis] for axis in (0, 1)))
    found, kind = mean(ANOMALY.scores(outputs, labels))
    assert kind == "bootstrap interval"
    assert (found.high - found.low) / (2 * 1.96 * error) == pytest.approx(1, abs=0.25)  # from fifty blocks


def test_two_files_are_compared_on_the_same_samples():
    outputs, labels = drawn()
    better = left(oddness(outputs) * np.where(labels, 2, 1))
    before, after = ANOMALY.scores(outputs, labels), ANOMALY.scores(better, labels)
    difference = paired_difference(before, after)
    assert difference.value == pytest.approx(auc(better, labels) - auc(outputs, labels))
    assert difference.low > 0
    assert difference.high - difference.low < (lambda i: i.high - i.low)(mean(before)[0])
    assert paired_p(before, after) < 0.01
    assert paired_p(before, before) == 1


def test_neighbours_are_one_block_and_widen_the_interval_where_they_are_alike():
    assert in_blocks(np.arange(10.0)).shape == (4,)  # ⌈∛10⌉ = 3 in a block
    assert in_blocks(np.arange(10.0)).mean() == pytest.approx(4.5)
    outputs, labels = drawn(80, apart=0.0)
    wide, narrow = (
        mean(ANOMALY.scores(*both))[0]
        for both in (
            (outputs.repeat(6, 0), labels.repeat(6)),  # each sample six times, one after the other
            (np.tile(outputs, (6, 1)), np.tile(labels, 6)),
        )
    )
    assert wide.value == pytest.approx(narrow.value)
    assert wide.high - wide.low > 1.3 * (narrow.high - narrow.low)


def test_where_all_is_normal_the_score_is_the_share_that_is_rebuilt():
    odd, normal = np.array([0.0, 0.1, 0.2, 0.5]), np.zeros(4, np.int64)
    assert auc(left(odd), normal) == pytest.approx(1 - 0.2)


def test_what_overflowed_is_as_odd_as_can_be():
    outputs = np.array([[0.1, 0.1], [np.inf, 0.0], [np.nan, 0.0], [2.0, 2.0]], np.float32)
    assert auc(outputs, np.array([0, 1, 1, 0])) == 1
    assert np.isfinite(ANOMALY.scores(outputs, np.zeros(4))).all()


def test_the_oddest_twentieth_is_called_anomalous_whatever_the_scale():
    outputs, _ = drawn(100)
    found = ANOMALY.answers(outputs)
    assert found.sum() == 5
    assert set(np.flatnonzero(found)) == set(np.argsort(oddness(outputs))[-5:])
    assert (ANOMALY.answers(3 * outputs) == found).all()
    assert ANOMALY.answers(np.ones((100, 2))).sum() == 0


def test_the_threshold_comes_from_normal_validation_samples():
    outputs, labels = drawn(2000, seed=1)
    normal = left(np.linspace(0, 2, 101)), np.zeros(101, np.int64)  # a twentieth is above 1.9
    found = ANOMALY.with_chosen(normal, outputs, labels, "2,000 samples")["tpr_at_fpr5"]
    odd = oddness(outputs)
    assert found.value == pytest.approx((odd[labels == 1] > 1.9).mean())
    assert found.how == (
        "200 anomalous of 2,000 samples, Wilson interval; threshold 1.9, chosen on 101 other normal ones, also calls "
        f"{(odd[labels == 0] > 1.9).mean():.1%} of the normal ones anomalous"
    )
    assert ANOMALY.with_chosen(normal, outputs, 0 * labels, "") == {}  # there is nothing to find


def test_only_normal_samples_are_learned():
    outputs = torch.tensor([[1.0, 3.0], [100.0, 100.0]], requires_grad=True)
    loss = ANOMALY.loss(outputs, torch.tensor([0, 1]))
    loss.backward()
    assert loss.item() == 5
    assert (outputs.grad[1] == 0).all()
    assert ANOMALY.loss(outputs, torch.tensor([1, 1])).item() == 0
    assert ANOMALY.loss(outputs, torch.tensor([0, 0]), "sum").item() == 5 + 10_000


def test_a_student_that_leaves_what_its_teacher_leaves_has_nothing_to_learn():
    outputs = torch.from_numpy(drawn()[0])
    assert float(ANOMALY.soft_loss(outputs, outputs, 4.0)) == 0
    assert float(ANOMALY.soft_loss(outputs + 1, outputs, 1.0)) == pytest.approx(1)
