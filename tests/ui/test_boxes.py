"""Boxes drawn into a picture: where they are, and in which colour."""

import numpy as np
import pytest
from PIL import ImageColor

from edgekit.data.catalog import entry
from edgekit.tasks.detection import judged
from edgekit.ui import boxes

LABEL = [[0.1, 0.4, 0.3, 0.6, 3], [0.5, 0.5, 0.7, 0.7, 7], [-1] * 5]
ANSWER = [[0.11, 0.4, 0.3, 0.6, 3, 0.9], [0.5, 0.5, 0.7, 0.7, 1, 0.8], [-1] * 6]


def test_a_box_is_right_wrong_or_missed():
    right, wrong, missed = judged(ANSWER, LABEL)
    assert (right.tolist(), wrong.tolist(), missed.tolist()) == ([ANSWER[0]], [ANSWER[1]], [LABEL[1]])


@pytest.mark.parametrize("width", [100, 132])
def test_each_has_its_colour_and_its_place(width):
    answer = [*ANSWER[:1], [0.5, 0.1, 0.7, 0.3, 1, 0.8]]
    image = np.asarray(boxes.drawn(np.zeros((96, 96, 1), np.uint8), entry("digit-scenes"), answer, LABEL, width))
    assert image.shape == (2 * width, 2 * width, 3)
    for colour, (left, top, right, bottom) in (
        (boxes.RIGHT, (0.11, 0.4, 0.3, 0.6)),
        (boxes.WRONG, (0.5, 0.1, 0.7, 0.3)),
        (boxes.MISSED, (0.5, 0.5, 0.7, 0.7)),
    ):
        rows, columns = np.nonzero((image == ImageColor.getrgb(colour)).all(2))
        found = np.array([columns.min(), columns.max(), rows.max()]) / (2 * width)  # a name may stand above
        assert found == pytest.approx([left, right, bottom], abs=2.5 / width)
        assert top >= rows.min() / (2 * width) - 2 / width
