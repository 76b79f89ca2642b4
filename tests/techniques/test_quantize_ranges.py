"""Ranges and codes of activations, codes of weights: by their definitions, on numbers made by hand."""

import numpy as np
import pytest

from edgekit.techniques._codes import encode
from edgekit.techniques._ranges import Seen, find_range, make_grid

RANDOM = np.random.default_rng(0)
NORMAL = RANDOM.normal(0, 1, 100_000).astype(np.float32)
HEAVY = np.append(np.abs(NORMAL), np.float32(40))  # one value far beyond all others


def seen(values: np.ndarray) -> Seen:
    return Seen(float(values.min()), float(values.max()), values)


def squared_error(values: np.ndarray, low: float, high: float, symmetric: bool = False) -> float:
    """Of the codes themselves, not of the method's own estimate."""
    grid = make_grid(low, high, np.uint8, symmetric)
    codes = np.clip(np.rint(values / grid.scale) + grid.zero_point, 0, 255)
    return float(np.square((codes - grid.zero_point) * grid.scale - values).mean())


def test_minmax_is_the_smallest_and_the_largest():
    assert find_range(seen(np.array([-2, 0.5, 3], np.float32)), "minmax") == (-2, 3)


def test_how_far_a_range_can_be_trusted_is_told_by_shares_of_it():
    values = np.append(np.linspace(-1, 1, 20_001, dtype=np.float32), np.float32(7))
    found = Seen(-1.0, 7.0, values, halfway=(-0.5, 1.0)).numbers()
    assert found["rare"] == pytest.approx(6 / 8, abs=1e-3), "one value alone needs what lies between 1 and 7"
    assert found["late"] == pytest.approx(1 - 1.5 / 8), "the first half reached from -0.5 to 1"
    assert Seen(-1.0, 7.0, values).numbers()["late"] == 1, "a single look confirms nothing"
    assert Seen(0.0, 0.0, np.zeros(3, np.float32)).numbers() == {"rare": 0, "late": 0}


@pytest.mark.parametrize("method", ["minmax", "percentile", "entropy", "mse"])
def test_every_range_holds_zero(method: str):
    low, high = find_range(seen(np.linspace(2, 5, 1000, dtype=np.float32)), method)
    assert low == 0
    assert high > 2
    low, high = find_range(seen(np.linspace(-5, -2, 1000, dtype=np.float32)), method)
    assert low < -2
    assert high == 0


@pytest.mark.parametrize("method", ["minmax", "percentile", "entropy", "mse"])
def test_a_tensor_of_zeros_gets_codes_that_say_zero(method: str):
    low, high = find_range(seen(np.zeros(100, np.float32)), method)
    grid = make_grid(low, high, np.uint8)
    assert (low, high, grid.scale, grid.zero_point) == (0, 0, 1, 0)


def test_a_percentile_leaves_its_share_above_and_as_much_below():
    values = np.arange(-1000, 1001, dtype=np.float32)
    low, high = find_range(seen(values), "percentile", percentile=99.0)
    assert (low, high) == pytest.approx((-980, 980))
    assert (values > high).mean() == pytest.approx(0.01, abs=5e-4)


def test_mse_beats_minmax_on_a_heavy_tail_and_nearly_any_other_end():
    low, high = find_range(seen(HEAVY), "mse")
    assert low == 0
    assert high < 40
    best = squared_error(HEAVY, low, high)
    assert best < 0.9 * squared_error(HEAVY, 0, 40)
    others = min(squared_error(HEAVY, 0, end) for end in np.linspace(1, 40, 200))
    assert best <= 1.05 * others


def test_mse_finds_both_ends_where_they_differ():
    lopsided = np.concatenate([NORMAL, [np.float32(-12)], np.float32(3) * np.abs(NORMAL)])
    low, high = find_range(seen(lopsided), "mse")
    assert squared_error(lopsided, low, high) <= squared_error(lopsided, float(lopsided.min()), float(lopsided.max()))
    assert -low < high


def test_symmetric_mse_weighs_the_codes_that_it_will_get():
    values = np.append(NORMAL, np.float32(-30))
    low, high = find_range(seen(values), "mse", symmetric=True)
    assert -low <= 30
    assert squared_error(values, low, high, True) < squared_error(values, -30, float(NORMAL.max()), True)


def test_entropy_cuts_a_lone_outlier_and_keeps_an_even_spread():
    low, high = find_range(seen(HEAVY), "entropy")
    assert low == 0
    assert 2 < high < 10
    assert find_range(seen(np.linspace(0, 1, 100_000, dtype=np.float32)), "entropy")[1] > 0.9


def test_asymmetric_codes_cover_the_range_with_255_steps_and_zero_has_a_code():
    grid = make_grid(-1.0, 4.1, np.uint8)
    assert grid.scale == np.float32(5.1 / 255)
    assert grid.zero_point == 50
    assert (grid.low, grid.high) == pytest.approx((-1.0, 4.1))
    assert make_grid(-1.0, 4.1, np.int8).zero_point == 50 - 128


def test_symmetric_codes_put_zero_in_the_middle():
    grid = make_grid(-1.0, 2.54, np.uint8, symmetric=True)
    assert (grid.scale, grid.zero_point) == (np.float32(0.02), 128)
    assert make_grid(-1.0, 2.54, np.int8, symmetric=True).zero_point == 0


def test_symmetric_codes_waste_nothing_on_a_tensor_without_negatives():
    assert make_grid(0, 2.55, np.uint8, symmetric=True) == make_grid(0, 2.55, np.uint8)
    assert make_grid(0, 2.55, np.int8, symmetric=True).zero_point == -128


# Weights

WEIGHT = RANDOM.normal(0, 1, (6, 4, 3, 3)).astype(np.float32) * np.arange(1, 7, dtype=np.float32).reshape(-1, 1, 1, 1)


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("clipping", ["minmax", "mse"])
def test_codes_fit_in_their_bits_and_zero_stays_zero(bits: int, clipping: str):
    weight = WEIGHT.copy()
    weight[:, 0] = 0
    encoding = encode(weight, 0, bits, clipping=clipping)
    assert encoding.codes.dtype == np.int8
    assert encoding.codes.min() >= -(2 ** (bits - 1))
    assert encoding.codes.max() <= 2 ** (bits - 1) - 1
    assert not encoding.zero_point.any()
    assert (encoding.codes[:, 0] == 0).all()
    assert (encoding.decode()[:, 0] == 0).all()


def test_minmax_clips_nothing_and_errs_by_half_a_step_at_most():
    encoding = encode(WEIGHT, 0, 8)
    np.testing.assert_allclose(encoding.scale, np.abs(WEIGHT).max((1, 2, 3)) / 127, rtol=1e-6)
    error = np.abs(encoding.decode() - WEIGHT).max((1, 2, 3))
    assert (error <= encoding.scale / 2 * 1.001).all()


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_the_scale_with_the_least_error_is_close_to_that_of_a_full_search(bits: int):
    rows = WEIGHT.reshape(6, -1)
    first, last = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    scales = np.linspace(0.05, 1.5, 2000)[:, None, None] * (np.abs(rows).max(1) / last)[:, None]  # (tries, channels, 1)
    errors = np.square(np.clip(np.rint(rows / scales), first, last) * scales - rows).sum(2)  # (tries, channels)
    got = np.square(encode(WEIGHT, 0, bits, clipping="mse").decode().reshape(6, -1) - rows).sum(1)
    assert (got <= 1.02 * errors.min(0)).all()
    widest = np.square(encode(WEIGHT, 0, bits).decode().reshape(6, -1) - rows).sum(1)
    assert got.sum() < widest.sum()


def test_two_bits_on_a_hand_worked_channel():
    encoding = encode(np.array([[-2.0, -1.0, 0.0, 1.0]], np.float32), 0, 2, clipping="mse")
    assert encoding.codes.tolist() == [[-2, -1, 0, 1]]
    assert encoding.scale.tolist() == [1.0]


def test_channels_may_lie_along_any_axis():
    across = encode(np.ascontiguousarray(WEIGHT.swapaxes(0, 1)), 1, 4, clipping="mse")
    np.testing.assert_array_equal(across.codes.swapaxes(0, 1), encode(WEIGHT, 0, 4, clipping="mse").codes)
    np.testing.assert_array_equal(across.decode().swapaxes(0, 1), encode(WEIGHT, 0, 4, clipping="mse").decode())


def test_one_scale_for_all_is_that_of_the_largest_weight():
    encoding = encode(WEIGHT, 0, 8, per_channel=False)
    assert encoding.scale.tolist() == [np.float32(np.abs(WEIGHT).max() / np.float32(127))]


def test_a_channel_of_zeros_takes_the_least_scale_that_it_is_given():
    weight = WEIGHT.copy()
    weight[2] = 0
    encoding = encode(weight, 0, 4, clipping="mse", least_scale=np.array([0, 0, 1e-3, 0, 0, 0]))
    assert encoding.scale[2] == np.float32(1e-3)
    assert not encoding.codes[2].any()
    assert (encode(weight, 0, 4).scale > 0).all()
