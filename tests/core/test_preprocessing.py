"""How samples become what a network takes: channels, size, scale and layout, by hand."""

import numpy as np
import pytest
from pydantic import TypeAdapter

from edgekit.core.mel import cepstra
from edgekit.core.preprocessing import AnyPreprocessing, Pixels, Sound, Text, Values

PIXELS = np.array([[[[0, 51, 102]], [[153, 204, 255]]]], np.uint8)  # (1, 2, 1, 3)


def test_pixels_are_scaled_channel_by_channel_and_put_first():
    found = Pixels(mean=(0.0, 0.2, 0.4), std=(1.0, 0.5, 0.2))(PIXELS)
    assert found.shape == (1, 3, 2, 1)
    assert found[0, :, :, 0] == pytest.approx(np.array([[0, 0.6], [0, 1.2], [0, 3.0]]), abs=1e-6)


def test_channels_come_last_where_the_network_takes_them_so():
    first, last = (Pixels(mean=(0.0,) * 3, std=(1.0,) * 3, channels_last=last)(PIXELS) for last in (False, True))
    assert last.shape == (1, 2, 1, 3)
    assert np.array_equal(last, first.transpose(0, 2, 3, 1))


def test_grey_becomes_three_equal_channels_and_colour_its_brightness():
    grey = PIXELS[..., :1]
    assert np.array_equal(Pixels(mean=(0.0,) * 3, std=(1 / 255,) * 3)(grey)[0, :, 0, 0], [0, 0, 0])
    found = Pixels(mean=(0.0,), std=(1 / 255,))(PIXELS)
    # 0.299 · 0 + 0.587 · 51 + 0.114 · 102 = 41.565; 0.299 · 153 + 0.587 · 204 + 0.114 · 255 = 194.565
    assert found[0, 0, :, 0].round().tolist() == [42, 195]


def test_images_are_resized_to_what_the_network_takes():
    flat = np.full((2, 4, 4, 3), 100, np.uint8)
    found = Pixels(mean=(0.0,) * 3, std=(1 / 255,) * 3, size=(8, 6))(flat)
    assert found.shape == (2, 3, 8, 6)
    assert found.min() == found.max() == pytest.approx(100, abs=1e-3)


def test_an_image_may_be_a_row_of_values():
    way = Pixels(mean=(0.0,) * 3, std=(1 / 255,) * 3, flat=True)
    assert way(PIXELS).round().tolist() == [[0, 153, 51, 204, 102, 255]]
    assert way.shape((2, 1, 3)) == (6,)


def test_numbers_are_scaled_feature_by_feature_and_steps_may_come_last():
    series = np.float32([[[1, 10], [3, 30], [5, 50]]])  # (1, 3 steps, 2 features)
    way = Values(mean=(1.0, 10.0), std=(2.0, 20.0))
    assert way(series).tolist() == [[[0, 0], [1, 1], [2, 2]]]
    last = way.model_copy(update={"channels_first": True})
    assert last(series).tolist() == [[[0, 1, 2], [0, 1, 2]]]
    assert last.shape((3, 2)) == (2, 3)


def test_sound_is_a_waveform_from_minus_one_to_one():
    sound = np.int16([[-32768, 0, 16384]])
    assert Sound(rate=8000)(sound).tolist() == [[-1, 0, 0.5]]
    assert Sound(rate=8000, channels_first=True).shape((3,)) == (1, 3)


def test_cepstra_have_a_step_every_ten_milliseconds_and_tell_tones_apart():
    time, noise = np.arange(8000) / 8000, 0.1 * np.random.default_rng(0).normal(size=8000)
    loud, low, high = noise, *(noise + np.sin(2 * np.pi * hertz * time) for hertz in (300, 2000))
    found = cepstra(np.float32([loud, loud / 2, low, high]), 8000, 13)
    assert found.shape == (4, 98, 13)
    loud, soft, low, high = found.mean(1)
    # half as loud is log(1/4) less in every band, which the first coefficient alone holds: √40 · log(1/4)
    assert soft - loud == pytest.approx([np.sqrt(40) * np.log(1 / 4)] + 12 * [0.0], abs=0.02)
    assert np.abs(low[1:] - high[1:]).max() > 3


def test_sound_shorter_than_a_window_is_one_step():
    assert cepstra(np.zeros((2, 50), np.float32), 8000, 5).shape == (2, 1, 5)


@pytest.mark.parametrize(
    "way",
    [Pixels(mean=(0.5,), std=(0.5,), size=(8, 8)), Values(), Sound(rate=16000, coefficients=13), Text(length=8)],
)
def test_every_way_survives_a_card(way):
    assert TypeAdapter(AnyPreprocessing).validate_python(way.model_dump(mode="json")) == way
