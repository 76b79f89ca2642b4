"""A small change in accuracy may be chance: the same samples, a few of them answered otherwise."""

from edgekit.search.advice._case import Advice, Case, points

CHANCE = 0.05


def advice(case: Case) -> Advice | None:
    """Said where the interval of the difference holds 0, or McNemar's test finds nothing."""
    comparison = case.run.comparison
    if comparison is None:
        return None
    difference, p = comparison.accuracy_difference, comparison.p_value
    if not difference.low <= 0 <= difference.high and p < CHANCE:
        return None
    low, value, high = (points(100 * x) for x in (difference.low, difference.value, difference.high))
    return Advice(
        f"The change in {case.good} is within noise",
        f"{value} points on {case.run.samples:,} test samples, between {low} and {high} with 95 % confidence. "
        f"A difference this large comes by chance with p = {p:.2f} (McNemar's test), so it cannot be told from none.",
        tone="good",
    )
