"""Answers, confidences, scores and macro F1 of a classifier."""

import numpy as np
import pytest

from edgekit.tasks.classification import Classification, macro_f1

OUTPUTS = np.array([[0.0, 2.0, 1.0], [1000.0, 0.0, 0.0]], np.float32)


def test_the_largest_logit_is_the_answer():
    assert Classification().answers(OUTPUTS).tolist() == [1, 0]


def test_confidence_is_the_softmax_of_the_answer_even_for_huge_logits():
    expected = np.exp(2) / (np.exp(0) + np.exp(2) + np.exp(1))
    assert Classification().confidences(OUTPUTS) == pytest.approx([expected, 1.0])


def test_a_network_that_ends_in_a_softmax_gives_confidences_itself():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.25, 0.25, 0.5]], np.float32)
    assert Classification().confidences(probabilities) == pytest.approx([0.7, 0.5])


def test_a_sample_scores_one_if_its_label_was_given():
    assert Classification().scores(OUTPUTS, np.array([1, 2])).tolist() == [1.0, 0.0]


def test_macro_f1_is_the_mean_over_classes_by_hand():
    table = np.array([[3, 1], [2, 4]])  # F1: 2 · 3 / (4 + 5) = 2/3, and 2 · 4 / (6 + 5) = 8/11
    assert macro_f1(table) == pytest.approx((2 / 3 + 8 / 11) / 2)
    assert macro_f1(np.stack([table, np.diag([5, 5])])) == pytest.approx([(2 / 3 + 8 / 11) / 2, 1])


def test_a_class_that_does_not_occur_counts_for_nothing():
    assert macro_f1(np.array([[2, 0, 0], [0, 2, 0], [0, 0, 0]])) == 1


def test_macro_f1_of_many_classes_does_not_run_over_bytes():
    labels = np.arange(100, dtype=np.uint8)
    assert Classification().more(np.eye(100), labels, "")["macro_f1"].value == 1


def test_the_interval_of_macro_f1_is_like_that_of_many_fresh_samples():
    generator = np.random.default_rng(0)

    def drawn(n: int) -> tuple[np.ndarray, np.ndarray]:
        labels = generator.integers(0, 3, n)
        return np.eye(3)[np.where(generator.random(n) < 0.8, labels, generator.integers(0, 3, n))], labels

    found = Classification().more(*drawn(400), "400 samples")["macro_f1"]
    fresh = [Classification().more(*drawn(400), "")["macro_f1"].value for _ in range(200)]
    width = np.quantile(fresh, 0.975) - np.quantile(fresh, 0.025)
    assert found.high - found.low == pytest.approx(width, rel=0.3)
    assert found.how == "400 samples, bootstrap interval"
