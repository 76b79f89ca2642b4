"""R² by hand."""

import numpy as np
import pytest

from edgekit.tasks.regression import Regression

LABELS = np.array([1.0, 2.0, 3.0, 4.0])


def test_r2_is_one_minus_the_share_of_variance_that_is_left():
    # errors 0, 1, 0, -1: Σ = 2; around the mean 2.5: 2.25 + 0.25 + 0.25 + 2.25 = 5; 1 − 2 / 5
    outputs = np.array([[1.0], [1.0], [3.0], [5.0]])
    assert Regression().scores(outputs, LABELS).mean() == pytest.approx(0.6)


def test_the_mean_as_an_answer_explains_nothing_and_worse_ones_less():
    assert Regression().scores(np.full((4, 1), 2.5), LABELS).mean() == pytest.approx(0)
    assert Regression().scores(np.full((4, 1), 9.0), LABELS).mean() < 0


def test_an_answer_is_another_one_from_a_tenth_of_a_deviation_on():
    before, step = LABELS, 0.1 * np.std(LABELS)
    found = Regression().differ(before, before + [0, 0.9 * step, 1.1 * step, -2 * step], LABELS)
    assert found.tolist() == [False, False, True, True]
