"""Against textbook values, and against definitions computed another way."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest

from edgekit.core.interval import Z, bootstrap_mean, wilson
from edgekit.measure.statistics import mcnemar, paired_difference, paired_p


def table(both: int, lost: int, gained: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores before and after, from the four counts of a paired table."""
    before = np.repeat([1.0, 1.0, 0.0, 0.0], [both, lost, gained, neither])
    after = np.repeat([1.0, 0.0, 1.0, 0.0], [both, lost, gained, neither])
    return before, after


# Newcombe 1998 (Statistics in Medicine 17:857), table I, method 3.
@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_textbook_intervals(right, n, low, high):
    interval = wilson(right, n)
    assert (interval.value, interval.low, interval.high) == pytest.approx((right / n, low, high), abs=5e-5)


def test_wilson_stays_within_0_and_1():
    assert wilson(0, 50).low == 0
    assert wilson(50, 50).high == 1


# Agresti, "Categorical Data Analysis", approval of the prime minister: 150 changed one way, 86 the other, of 1,600.
def test_mcnemar_gives_the_exact_p_of_a_textbook_table():
    assert mcnemar(*table(794, 150, 86, 570)) == pytest.approx(3.716e-5, rel=1e-3)


def test_mcnemar_is_the_binomial_test_of_the_changed_answers():
    for gained, lost in [(0, 1), (1, 1), (3, 11), (40, 40), (900, 1100)]:
        expected = binomtest(gained, gained + lost).pvalue
        assert mcnemar(*table(10, lost, gained, 10)) == pytest.approx(expected, rel=1e-9)


def test_no_changed_answer_is_no_evidence():
    assert mcnemar(*table(80, 0, 0, 20)) == 1


def test_the_paired_difference_of_a_textbook_table():
    interval = paired_difference(*table(794, 150, 86, 570))
    assert (interval.value, interval.low, interval.high) == pytest.approx((-0.04, -0.0590, -0.0214), abs=1e-4)


@pytest.mark.parametrize("counts", [(50, 9, 3, 38), (900, 12, 31, 57), (5, 0, 4, 6)])
def test_the_ends_of_the_interval_lie_z_standard_errors_from_the_likeliest_table(counts):
    before, after = table(*counts)
    _, lost, gained, _ = counts
    n = len(before)
    interval = paired_difference(before, after)
    for end in (interval.low, interval.high):
        share = likeliest_share_lost(n, lost, gained, end)
        error = np.sqrt((2 * share + end - end**2) / n)
        assert abs((gained - lost) / n - end) / error == pytest.approx(Z, rel=1e-3)


def likeliest_share_lost(n: int, lost: int, gained: int, difference: float) -> float:
    """The share of lost answers under which the table is likeliest, if gained − lost is `difference`: by search."""

    def unlikely(share: float) -> float:
        kept = 1 - 2 * share - difference
        counts = [(lost, share), (gained, share + difference), (n - lost - gained, kept)]
        return -sum(count * np.log(max(p, 1e-300)) for count, p in counts if count)

    ends = max(0.0, -difference), (1 - difference) / 2
    return minimize_scalar(unlikely, bounds=ends, method="bounded", options={"xatol": 1e-12}).x


def test_without_a_changed_answer_the_interval_still_has_a_width():
    interval = paired_difference(*table(9000, 0, 0, 1000))
    assert interval.value == 0
    assert interval.high == pytest.approx(3.84e-4, rel=0.01)
    assert interval.low == pytest.approx(-interval.high)


def test_the_paired_interval_covers_the_truth_19_times_in_20():
    generator = np.random.default_rng(1)
    shares, true, covered = [0.8, 0.05, 0.02, 0.13], -0.03, 0
    for _ in range(400):
        interval = paired_difference(*table(*generator.multinomial(1000, shares)))
        covered += interval.low <= true <= interval.high
    assert 0.92 <= covered / 400 <= 0.98


def test_scores_between_0_and_1_get_a_paired_bootstrap():
    generator = np.random.default_rng(2)
    before = generator.random(500)
    after = before + generator.normal(0.02, 0.1, 500)
    interval = paired_difference(before, after)
    error = np.std(after - before) / np.sqrt(500)
    assert interval.value == pytest.approx((after - before).mean())
    assert interval.high - interval.low == pytest.approx(2 * Z * error, rel=0.1)
    assert paired_p(before, after) < 0.01
    assert paired_p(before, before) == 1


def test_paired_p_of_right_and_wrong_answers_is_mcnemars():
    before, after = table(50, 9, 2, 39)
    assert paired_p(before, after) == mcnemar(before, after)


def test_a_bootstrap_with_the_same_seed_gives_the_same_interval():
    values = np.random.default_rng(3).random(300)
    assert bootstrap_mean(values) == bootstrap_mean(values)
    assert bootstrap_mean(values, seed=1) != bootstrap_mean(values, seed=2)
