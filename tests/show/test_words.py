"""Numbers and recipes as a person reads them."""

import pytest

from edgekit.show import words
from tests.factories import a_measurement


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (322_400, "322 kB"), (999_600, "1.00 MB"), (1_097_000, "1.10 MB"),
     (5e6, "5.00 MB"), (2.5e9, "2.50 GB")],
)  # fmt: skip
def test_bytes_are_counted_in_decimal_units_with_three_digits(count, text):
    assert words.size(count) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0812, "0.0812 ms"), (0.123, "0.123 ms"), (12.34, "12.3 ms"), (123.4, "123 ms"), (1500, "1.50 s"), (0, "0 ms")],
)
def test_times_keep_three_digits(value, text):
    assert words.milliseconds(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.09999, "0.100"), (9.999, "10.0"), (-1.5, "−1.50"), (1234, "1234")])
def test_rounding_never_adds_a_digit(value, text):
    assert words.significant(value) == text


def test_an_accuracy_is_a_percentage_and_a_drop_is_in_points_with_a_true_minus():
    assert words.percent(0.9264) == "92.6 %"
    assert words.percent(0.9264, 2) == "92.64 %"
    assert words.points(-0.003) == "−0.3 points"
    assert words.points(0.0123) == "+1.2 points"
    assert words.points(0.0001) == "±0.0 points"


def test_a_ratio_says_which_way_it_went_and_one_is_no_way():
    assert words.times(0.25, "smaller", "larger") == "4.00× smaller"
    assert words.times(1.25, "faster", "slower") == "1.25× slower"
    assert words.times(1.001, "smaller", "larger") == "unchanged"
    assert words.times(0.0, "smaller", "larger") == "–"


def test_an_interval_says_its_unit_once_where_both_ends_share_it():
    assert words.interval(a_measurement("accuracy", 0.92, 0.005)) == "91.5 to 92.5 %"
    assert words.interval(a_measurement("size_bytes", 1_000_000, 300_000)) == "700 kB to 1.30 MB"
    assert words.interval(a_measurement("size_bytes", 1000)) == ""


def test_every_metric_has_its_own_words():
    assert words.measured(a_measurement("accuracy", 0.92)) == "92.0 %"
    assert words.measured(a_measurement("macs", 12_500_000)) == "12.5 M MACs"
    assert words.measured(a_measurement("params", 77_360)) == "77.4 k"
    assert words.measured(a_measurement("weight_bits", 619_000)) == "619 k bits"
    assert words.measured(None) == "–"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.83, "0.8 s"), (12.4, "12 s"), (99, "99 s"), (180, "3 min"), (4800, "80 min"), (6000, "1 h 40 min")],
)
def test_a_duration_is_as_exact_as_it_need_be(seconds, text):
    assert words.duration(seconds) == text


def test_a_recipe_reads_as_a_line():
    recipe = [{"prune_channels": {"sparsity": 0.5, "skip": ["fc*"]}}, {"fine_tune": {}}, {"quantize_static": {}}]
    assert words.recipe(recipe) == "prune channels (sparsity 0.5, skip fc*) → fine tune → quantize static"
    assert words.recipe([]) == "uncompressed"
    assert words.step({"a_step": {"on": True, "layers": {"fc*": {"bits": 4}}}}) == "a step (on on, layers fc*: bits: 4)"


def test_a_budget_of_one_point_is_singular():
    assert words.drop(1.0) == "1 point lost"
    assert words.drop(0.5) == "0.5 points lost"


def test_what_others_wrote_is_no_markdown():
    assert words.plain("Delete *all* `%s`, :red[$x$]?") == (r"Delete \*all\* \`\%s\`\, \:red\[\$x\$\]\?")
    assert words.plain("l’élément 7") == "l’élément 7"
