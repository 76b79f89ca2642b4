"""Scored on a part of the test set, a difference may be too uncertain to say whether it is within the budget."""

from edgekit.data.catalog import entry
from edgekit.search.advice._case import Advice, Case, points


def advice(case: Case) -> Advice | None:
    """Said where the interval of the drop holds the budget's limit and more samples are there; nothing to apply."""
    comparison = case.run.comparison
    if comparison is None:
        return None
    found, most = comparison.accuracy_difference, entry(case.run.data).evaluation
    limit = -case.budget.accuracy_drop / 100
    if case.run.samples >= most or not found.low < limit < found.high:
        return None
    value, low, high = (points(100 * x) for x in (found.value, found.low, found.high))
    return Advice(
        "Too few test samples to tell",
        f"On {case.run.samples:,} of {most:,} test samples the difference is {value} points, anywhere between {low} "
        f"and {high}: it may be within the {case.budget.accuracy_drop:g} that the budget allows, or beyond. All "
        "samples make the interval narrower.",
    )
