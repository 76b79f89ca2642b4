"""Boxes drawn into a picture: where they are, and in which colour."""

import numpy as np
import pytest
from PIL import ImageColor

from edgekit.data.catalog import entry
from edgekit.show import boxes
from edgekit.tasks.detection import Detection, judged

LABEL = [[0.1, 0.4, 0.3, 0.6, 3], [0.5, 0.5, 0.7, 0.7, 7], [-1] * 5]
ANSWER = [[0.11, 0.4, 0.3, 0.6, 3, 0.9], [0.5, 0.5, 0.7, 0.7, 1, 0.8], [-1] * 6]


def test_a_box_is_right_wrong_or_missed():
    right, wrong, missed = judged(ANSWER, LABEL)
    assert (right.tolist(), wrong.tolist(), missed.tolist()) == ([ANSWER[0]], [ANSWER[1]], [LABEL[1]])


def test_of_two_boxes_on_one_thing_the_less_sure_is_wrong():
    twice = [ANSWER[0], [0.1, 0.4, 0.29, 0.6, 3, 0.6]]
    right, wrong, missed = judged(twice, LABEL)
    assert (right.tolist(), wrong.tolist(), missed.tolist()) == (twice[:1], twice[1:], [LABEL[1]])
    both, alone = np.array([[*twice, [-1] * 6]]), np.array([[twice[0], [-1] * 6, [-1] * 6]])
    assert Detection().differ(both, alone, alone)[0]


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
        found = np.array([columns.min(), columns.max()]) / (2 * width)
        assert found == pytest.approx([left, right], abs=2.5 / width)
        found = np.array([rows.min(), rows.max()]) / (2 * width)
        above, below = (boxes.TEXT / (2 * width) * (colour == named) for named in (boxes.RIGHT, boxes.WRONG))
        assert (
            top - above - 2.5 / width <= found[0] <= top + 2.5 / width
        )  # a right one is named above, a wrong one below
        assert bottom - 2.5 / width <= found[1] <= bottom + below + 2.5 / width
