"""A sample as it is shown: pictures keep their proportions, numbers are few."""

import numpy as np

from edgekit.ui import sample


def test_a_series_has_a_line_for_each_of_its_first_features():
    figure = sample.lines(np.arange(12.0).reshape(2, 6))
    assert [list(line.y) for line in figure.data] == [[0, 6], [1, 7], [2, 8], [3, 9]]
