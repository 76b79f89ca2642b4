"""How images become what a network takes: channels, size, scale and layout, by hand."""

import numpy as np
import pytest

from edgekit.core.model import Preprocessing

PIXELS = np.array([[[[0, 51, 102]], [[153, 204, 255]]]], np.uint8)  # (1, 2, 1, 3)


def test_pixels_are_scaled_channel_by_channel_and_put_first():
    found = Preprocessing((0.0, 0.2, 0.4), (1.0, 0.5, 0.2))(PIXELS)
    assert found.shape == (1, 3, 2, 1)
    assert found[0, :, :, 0] == pytest.approx(np.array([[0, 0.6], [0, 1.2], [0, 3.0]]), abs=1e-6)


def test_channels_come_last_where_the_network_takes_them_so():
    first, last = (Preprocessing((0.0,) * 3, (1.0,) * 3, channels_last=last)(PIXELS) for last in (False, True))
    assert last.shape == (1, 2, 1, 3)
    assert np.array_equal(last, first.transpose(0, 2, 3, 1))


def test_grey_becomes_three_equal_channels_and_colour_its_brightness():
    grey = PIXELS[..., :1]
    assert np.array_equal(Preprocessing((0.0,) * 3, (1 / 255,) * 3)(grey)[0, :, 0, 0], [0, 0, 0])
    found = Preprocessing((0.0,), (1 / 255,))(PIXELS)
    # 0.299 · 0 + 0.587 · 51 + 0.114 · 102 = 41.565; 0.299 · 153 + 0.587 · 204 + 0.114 · 255 = 194.565
    assert found[0, 0, :, 0].round().tolist() == [42, 195]


def test_images_are_resized_to_what_the_network_takes():
    flat = np.full((2, 4, 4, 3), 100, np.uint8)
    found = Preprocessing((0.0,) * 3, (1 / 255,) * 3, size=(8, 6))(flat)
    assert found.shape == (2, 3, 8, 6)
    assert found.min() == found.max() == pytest.approx(100, abs=1e-3)
