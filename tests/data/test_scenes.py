"""Scenes are made of whole numbers only, hold what their boxes say, and share no digit."""

import numpy as np
import pytest

from edgekit.data import arrays, decode
from edgekit.data.catalog import ARRAYS, entry
from edgekit.data.forms import scenes

COUNTS = {"validation": 6, "training": 30, "test": 8}
FIRST = 40  # digits for validation scenes
SUMS = {  # what these digits have always made
    "training_raw": "4a3cd303385a",
    "training_labels": "8d516ab78131",
    "evaluation_raw": "42f3dbe8fb10",
    "evaluation_labels": "c4b5b4c8929f",
}


@pytest.fixture
def digits(tmp_path, monkeypatch):
    """The files of a data set like MNIST, whose labels are the places of the digits: each has a name of its own."""
    monkeypatch.setattr(scenes, "SCENES", COUNTS)
    monkeypatch.setattr(scenes, "FOR_VALIDATION", FIRST)
    rows, columns = np.mgrid[:28, :28]
    shapes = [
        255 * ((abs(rows - 14) < 3 + n % 8) & (abs(columns - 14) < 1 + n % 10)).astype(np.uint8) for n in range(300)
    ]
    held = np.stack(shapes)[..., None]
    made = dict(zip(ARRAYS, (held[:240], np.arange(240), held[240:], 240 + np.arange(60)), strict=True))
    arrays.keep(tmp_path / "digits", made)
    return arrays.files(tmp_path / "digits")


@pytest.fixture
def made(digits):
    return decode.decode("digit_scenes", digits)


def test_no_digit_is_in_two_scenes_and_each_part_has_its_own(made):
    training, test = (made[f"{part}_labels"][..., 4] for part in ("training", "evaluation"))
    ids = [part[part >= 0].astype(int) for part in (training[:6], training[6:], test)]
    together = np.concatenate(ids)
    assert len(np.unique(together)) == len(together)
    assert ids[0].max() < FIRST <= ids[1].min()
    assert ids[1].max() < 240 <= ids[2].min()
    assert all((part >= 0).sum(1).min() >= 1 for part in (training, test))


def test_boxes_are_of_the_sizes_said_lie_inside_and_hardly_overlap(made):
    from edgekit.tasks._boxes import overlaps, present

    labels = made["training_labels"]
    boxes = labels[present(labels)][:, :4] * scenes.SIDE
    sides = boxes[:, 2:] - boxes[:, :2]
    assert boxes.min() >= 0
    assert boxes.max() <= scenes.SIDE
    assert sides.max() <= scenes.SIZES[1]
    assert np.rint(sides.max(1)).min() >= scenes.SIZES[0]
    assert (sides[:, 0] / sides[:, 1]).min() >= 0.3  # a narrow digit's box is two fifths of its height, rounded down
    shared = overlaps(labels, labels) * ~np.eye(scenes.MOST, dtype=bool)
    assert 0 < shared.max() <= 1 / scenes.OVERLAP


def test_a_digit_stands_out_from_its_ground(made):
    scene, labels = made["training_raw"][:, ..., 0].astype(int), made["training_labels"]
    for pixels, boxes in zip(scene, labels, strict=True):
        for left, top, right, bottom in np.rint(boxes[boxes[:, 4] >= 0][:, :4] * scenes.SIDE).astype(int):
            part = pixels[top:bottom, left:right]
            middle = part[part.shape[0] // 2, part.shape[1] // 2]  # these digits are filled
            around = np.median(pixels)
            assert abs(middle - around) > 15


def test_the_same_scenes_come_out_everywhere(made, digits):
    again = decode.decode("digit_scenes", digits)
    assert all(np.array_equal(made[name], again[name]) for name in ARRAYS)
    assert {name: arrays.digest(array)[:12] for name, array in made.items()} == SUMS


def test_the_catalog_says_how_many_there_are():
    about = entry("digit-scenes")
    assert about.training == 11_000
    assert about.shape == (scenes.SIDE, scenes.SIDE, 1)
    assert (about.shift, about.flip) == (0, False)  # boxes do not move
