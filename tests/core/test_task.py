"""Answers, confidences and scores of a classifier."""

import numpy as np
import pytest

from edgekit.core.task import Classification

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
