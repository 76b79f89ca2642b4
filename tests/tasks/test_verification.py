"""Equal error rates by hand and by the definition, one score a person, and a threshold chosen on other people."""

import numpy as np
import pytest
import torch

from edgekit.core.errors import DataError
from edgekit.core.interval import mean
from edgekit.tasks import task
from edgekit.tasks.verification import by_person, pairs

VERIFY = task("verification")


def at(degrees: list[float]) -> np.ndarray:
    """Embeddings in a plane, (n, 2), of which two are as similar as the cosine of the angle between them."""
    turned = np.radians(degrees)
    return np.stack([np.cos(turned), np.sin(turned)], 1)


def faces(people: int = 10, each: int = 10, spread: float = 0.9, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noisy embeddings of some people: (people · each, 8), and whose they are."""
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(people), each)
    return generator.normal(size=(people, 8))[labels] + spread * generator.normal(size=(len(labels), 8)), labels


def test_people_who_are_all_far_apart_are_told_apart_without_an_error():
    assert pairs(at([0, 5, 90, 95]), np.array([0, 0, 1, 1])).equal_error == 0


def test_an_equal_error_rate_by_hand():
    # Angles between samples of one person: 10, 40; of two people: 30, 70, 20, 60. From the most similar on:
    # 10 right, 20 wrong, 30 wrong, 40 right, so the shares let in go (wrong, right): (0, ½), (¼, ½), (½, ½), (½, 1).
    found = pairs(at([0, 10, 30, 70]), np.array([0, 0, 1, 1]))
    assert found.equal_error == pytest.approx(0.5)
    thresholds, wrong, right = found.roc()
    assert wrong[:5].tolist() == [0, 0, 0.25, 0.5, 0.5]
    assert right[:5].tolist() == [0, 0.5, 0.5, 0.5, 1]
    assert thresholds[1] == pytest.approx(np.cos(np.radians(10)))


def test_between_two_points_of_the_curve_the_rate_lies_on_a_straight_line():
    # One person at 0 and 50, three others alone at 30, 180 and 210. Let in one after the other: a wrong pair at 20
    # and 30 each, one at 30 (180 to 210) and then the right one, so the curve climbs from (3/9, 0) to (3/9, 1).
    assert pairs(at([0, 50, 30, 180, 210]), np.array([0, 0, 1, 2, 3])).equal_error == pytest.approx(3 / 9)


def test_the_rate_is_that_where_both_errors_are_equal_by_their_definition():
    found = pairs(*faces())
    grid = np.linspace(-1, 1, 20_001)
    right, wrong = found.likeness[found.same], found.likeness[~found.same]
    turned_away = np.array([(right < threshold).mean() for threshold in grid])
    let_in = np.array([(wrong >= threshold).mean() for threshold in grid])
    nearest = np.abs(turned_away - let_in).argmin()
    assert found.equal_error == pytest.approx((turned_away[nearest] + let_in[nearest]) / 2, abs=2e-3)


def test_scores_of_people_have_the_rate_of_all_pairs_as_their_mean():
    outputs, labels = faces()
    scores = VERIFY.scores(outputs, labels)
    assert scores.shape == (10,)
    assert scores.mean() == pytest.approx(1 - pairs(outputs, labels).equal_error)


def test_who_is_hard_to_tell_from_others_scores_least():
    outputs, labels = faces(spread=0.3)
    outputs[labels == 3] = outputs[labels == 4][:, ::-1] * np.array([1, -1] * 5)[:, None]  # of two kinds
    assert VERIFY.scores(outputs, labels).argmin() == 3


def test_the_interval_is_about_that_of_drawing_people_again_and_again():
    outputs, labels = faces()
    found, drawn = pairs(outputs, labels), np.random.default_rng(1)
    fresh = []
    for _ in range(200):
        times = drawn.multinomial(10, np.full(10, 0.1))  # how often each person is drawn
        weight = np.where(found.same, times[found.people[:, 0]], times[found.people].prod(1))
        again = np.repeat(np.arange(len(weight)), weight)
        fresh.append(1 - type(found)(found.likeness[again], found.people[again]).equal_error)
    width = np.quantile(fresh, 0.975) - np.quantile(fresh, 0.025)
    interval, name = mean(VERIFY.scores(outputs, labels))
    assert name == "bootstrap interval"
    assert 0.6 < (interval.high - interval.low) / width < 1.6
    assert interval.high <= 1


def test_an_answer_is_the_most_similar_other_sample_and_means_its_person():
    outputs, labels = at([0, 5, 90, 94, 50]), np.array([7, 7, 8, 8, 9])
    answers = VERIFY.answers(outputs)
    assert answers.tolist() == [1, 0, 3, 2, 2]
    assert VERIFY.meant(answers, labels).tolist() == [7, 7, 8, 8, 8]
    assert VERIFY.confidences(outputs) == pytest.approx(np.cos(np.radians([5, 5, 4, 4, 40])))


def test_the_threshold_comes_from_other_people_and_lets_in_a_hundredth_of_their_wrong_pairs():
    validation, test = faces(seed=1), faces(seed=2)
    found = VERIFY.with_chosen(validation, *test, "100 samples")["tar_at_far1"]
    threshold = float(found.how.split("threshold ")[1].split(",")[0])
    right, wrong = pairs(*validation).let_in(threshold)
    assert wrong == pytest.approx(0.01, abs=1e-3)
    assert found.value == pytest.approx(pairs(*test).let_in(threshold)[0], abs=1e-3)
    assert found.how.startswith("100 samples, bootstrap interval over people; threshold 0.")
    assert "chosen on 10 other people, lets in " in found.how


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2]], ids=["one person", "no two of one person"])
def test_without_pairs_of_both_kinds_the_reason_is_said(labels):
    with pytest.raises(DataError) as refused:
        VERIFY.scores(at([0, 10, 20]), np.array(labels))
    assert str(refused.value) == (
        "verification needs two people or more, and two samples or more of one of them; these are 3 samples of "
        f"{len(set(labels))} people. Take more samples."
    )


def test_two_people_of_whom_neither_can_be_left_out_get_the_same_score():
    found = pairs(at([0, 10, 30, 70]), np.array([0, 0, 1, 1]))
    assert by_person(found, lambda some: some.equal_error).tolist() == [0.5, 0.5]


def test_outputs_that_overflowed_are_like_nothing():
    outputs, labels = faces()
    outputs[0], outputs[1] = np.nan, np.inf
    assert np.isfinite(VERIFY.scores(outputs, labels)).all()


def test_the_loss_falls_as_people_come_apart_and_a_lonely_sample_asks_for_nothing():
    near, far = (torch.from_numpy(at(angles)).float() for angles in ([0, 60, 50, 110], [0, 5, 90, 95]))
    labels = torch.tensor([0, 0, 1, 1])
    assert VERIFY.loss(far, labels) < VERIFY.loss(near, labels)
    assert VERIFY.loss(near, labels, "sum") == pytest.approx(4 * float(VERIFY.loss(near, labels)))
    alone = near.clone().requires_grad_(True)
    VERIFY.loss(alone, torch.arange(4)).backward()
    assert (alone.grad == 0).all()


def test_a_loss_by_hand():
    # Three samples at 0, 60 and 180 degrees, the first two of one person: cosines ½, −1, −½; T = 0.1.
    first = -np.log(np.exp(5) / (np.exp(5) + np.exp(-10)))
    second = -np.log(np.exp(5) / (np.exp(5) + np.exp(-5)))
    found = VERIFY.loss(torch.from_numpy(at([0, 60, 180])), torch.tensor([0, 0, 1]))
    assert float(found) == pytest.approx(0.1 * (first + second) / 3, abs=1e-7)


def test_a_student_that_compares_as_its_teacher_has_nothing_to_learn():
    outputs = torch.from_numpy(faces()[0])
    assert float(VERIFY.soft_loss(3 * outputs, outputs, 4.0)) == pytest.approx(0, abs=1e-5)
    turned = outputs.flip(1)  # the same similarities, in other places
    shorter = torch.cat([outputs, torch.zeros(len(outputs), 1)], 1)  # other sizes: only similarities are compared
    assert float(VERIFY.soft_loss(shorter, outputs, 4.0)) == pytest.approx(0, abs=1e-5)
    assert float(VERIFY.soft_loss(turned, outputs, 4.0)) > 0.1
