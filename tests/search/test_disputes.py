"""Disputes against three runs worked by hand: four samples, two classes."""

import numpy as np
import pytest

from edgekit.core.task import Task
from edgekit.search.disputes import agreement, disputes
from edgekit.tasks.classification import Classification

LABELS = np.array([0, 1, 1, 0])
SURE, UNSURE = 4.0, 0.5
FIRST = np.array([[SURE, 0], [0, SURE], [0, UNSURE], [SURE, 0]])  # answers 0 1 1 0
SECOND = np.array([[SURE, 0], [SURE, 0], [UNSURE, 0], [SURE, 0]])  # answers 0 0 0 0
THIRD = np.array([[SURE, 0], [0, SURE], [0, SURE], [SURE, 0]])  # answers 0 1 1 0


def test_only_samples_that_runs_answer_differently_are_disputed_the_surest_first():
    found = disputes([FIRST, SECOND, THIRD], LABELS, Classification())
    assert [(d.sample, d.label, d.answers) for d in found] == [(1, 1, (1, 0, 1)), (2, 1, (1, 0, 1))]
    assert found[0].right == (True, False, True)
    assert found[0].confidences == pytest.approx([1 / (1 + np.exp(-SURE))] * 3)


def test_samples_keep_the_place_they_have_in_the_whole_test_set():
    found = disputes([FIRST, SECOND], LABELS, Classification(), indices=np.array([10, 20, 30, 40]))
    assert [d.sample for d in found] == [20, 30]


def test_runs_that_answer_alike_dispute_nothing():
    assert disputes([FIRST, THIRD], LABELS, Classification()) == []


def test_agreement_is_the_share_of_equal_answers_of_each_pair():
    assert agreement([FIRST, SECOND, THIRD], LABELS, Classification()).tolist() == [
        [1, 0.5, 1],
        [0.5, 1, 0.5],
        [1, 0.5, 1],
    ]


class Rows(Task):
    """Every output is an answer: one of many numbers."""

    def answers(self, outputs):
        return outputs

    def confidences(self, outputs):
        return np.ones(len(outputs))


def test_answers_of_many_numbers_differ_and_are_wrong_if_one_of_them_does():
    labels = np.array([[1, 2], [3, 4], [5, 6]])
    second = np.array([[1, 2], [3, 0], [5, 6]])
    (found,) = disputes([labels, second], labels, Rows(), indices=np.array([7, 8, 9]))
    assert (found.sample, found.label, found.answers, found.right) == (8, [3, 4], ([3, 4], [3, 0]), (True, False))
    assert agreement([labels, second], labels, Rows())[0] == pytest.approx([1, 2 / 3])
