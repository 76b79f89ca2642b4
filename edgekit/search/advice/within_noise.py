"""A small change in accuracy may be chance: the same samples, a few of them answered otherwise."""

from edgekit.core.measurement import paired_test, quality
from edgekit.search.advice._case import Advice, Case, points

CHANCE = 0.05


def advice(case: Case) -> Advice | None:
    """Said where the interval of the difference holds 0, or the test finds nothing."""
    comparison = case.run.comparison
    if case.drop is None:
        return None
    difference, p = comparison.accuracy_difference, comparison.p_value
    if not difference.low <= 0 <= difference.high and p < CHANCE:
        return None
    tested = paired_test(quality(case.run.measurements).metric)
    low, value, high = (points(100 * x) for x in (difference.low, difference.value, difference.high))
    return Advice(
        f"The change in {case.good} is within noise",
        f"{value} points on {case.run.samples:,} test samples, between {low} and {high} with 95 % confidence. "
        f"A difference this large comes by chance with p = {p:.2f} ({tested}), so it cannot be told from none.",
        tone="good",
    )
