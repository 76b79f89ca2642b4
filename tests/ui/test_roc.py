"""The curve of a network that compares people: what is drawn is what the pairs say."""

import numpy as np
import pytest

from edgekit.tasks.verification import pairs
from edgekit.ui import roc


def test_the_curve_goes_through_the_shares_of_pairs_let_in_and_ends_with_all_of_them():
    turned = np.radians([0, 10, 30, 70])  # the hand-worked case of the task's own test
    found = pairs(np.stack([np.cos(turned), np.sin(turned)], 1), np.array([0, 0, 1, 1]))
    figure = roc.figure({"This file": found, "Original": found})
    curve, _, equal = figure.data
    assert [trace.name for trace in figure.data] == ["This file", "Original", "Equal errors"]
    assert curve.x[2:5] == pytest.approx([0.25, 0.5, 0.5])
    assert curve.y[1:5] == pytest.approx([50, 50, 50, 100])
    assert (curve.x[-1], curve.y[-1]) == (1, 100)
    assert curve.x[0] == roc.LEAST, "nothing is drawn at a logarithm of zero"
    assert 100 * (1 - np.array(equal.x)) == pytest.approx(np.array(equal.y))
