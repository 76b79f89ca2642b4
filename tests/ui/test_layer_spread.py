"""How a layer's numbers are spread: histograms that hold everything, the grid of the file, signal to noise in words."""

import numpy as np
import pytest

from edgekit.artifacts.grids import Grid, Held
from edgekit.measure.layer_values import LayerOutputs
from edgekit.ui.layer_spread import BEST, decibels, noise_figure, spread, weight_figure

VALUES = np.random.default_rng(0).standard_normal((6, 10)).astype(np.float32)
GRID = Grid(np.full((6, 1), 0.5, np.float32), np.zeros((6, 1), np.int64), -4, 3)
CODES = np.clip(np.rint(VALUES / 0.5), -4, 3)
BEFORE, AFTER = Held(VALUES, 0, None), Held((0.5 * CODES).astype(np.float32), 0, GRID)


def trace(figure, name: str):
    return next(one for one in figure.data if one.name == name)


def test_both_histograms_hold_all_values_over_the_same_bins():
    drawn = spread(BEFORE.values, AFTER.values, None, "Weights")
    assert sum(trace(drawn, "Before").y) == pytest.approx(100)
    assert sum(trace(drawn, "After").y) == pytest.approx(100)
    assert list(trace(drawn, "Before").x) == list(trace(drawn, "After").x)


def test_the_drawn_grid_holds_every_code_that_the_file_holds():
    drawn, caption = weight_figure(BEFORE, AFTER, one=False, channel=0)
    assert set(np.unique(CODES)) <= set(trace(drawn, "Grid").x)
    assert "8 codes from −4 to 3" in caption


def test_allowed_values_lie_in_the_middle_of_a_bin():
    drawn, _ = weight_figure(BEFORE, AFTER, one=False, channel=0)
    bins = trace(drawn, "After")
    filled = [x for x, y in zip(bins.x, bins.y, strict=True) if y]
    assert np.allclose(filled, np.unique(CODES), atol=1e-6)
    assert sum(bins.y) == pytest.approx(100)
    assert sum(trace(drawn, "Before").y) == pytest.approx(100), "bins reach as far as the values do"


def test_one_channel_is_drawn_in_its_own_units():
    drawn, caption = weight_figure(BEFORE, AFTER, one=True, channel=2)
    assert set(np.unique(AFTER.values[2])) <= {round(float(x), 6) for x in trace(drawn, "Grid").x}
    assert caption.startswith("8 values are allowed in this channel; the file uses")


def test_floats_have_no_grid_and_say_so():
    drawn, caption = weight_figure(BEFORE, BEFORE, one=False, channel=0)
    assert [one.name for one in drawn.data] == ["Before", "After"]
    assert caption == "These weights are floats: no grid. Signal to noise: nothing moved."


def test_noise_is_a_bar_a_layer_and_what_cannot_be_compared_has_none():
    some = np.zeros(4, np.float32)
    found = [LayerOutputs(name, ratio, some, some, None) for name, ratio in (("a", 21.3), ("b", None), ("c", np.inf))]
    bars = noise_figure(found).data[0]
    assert (list(bars.y), list(bars.x)) == (["a", "c"], [21.3, BEST])
    assert list(bars.text) == ["21.3 dB", "nothing moved"]
    assert decibels(None) == "not comparable"
