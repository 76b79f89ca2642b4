"""Before → after, in five cards: what a file gained, what it cost, and how sure each number is."""

from dataclasses import dataclass

from edgekit.core.budget import Budget
from edgekit.core.measurement import METRICS, QUALITIES, Measurement, paired_test, quality
from edgekit.core.run import Run
from edgekit.models.about import About
from edgekit.show import words

GOOD, BAD, MIXED, EVEN = "green", "red", "orange", "gray"
CHANCE = 0.05  # a difference that chance makes more often than this is called none


@dataclass(frozen=True)
class Card:
    """One number: what it is now, how it moved, whether that is good, what it was, its interval, and how it was got."""

    title: str
    value: str
    moved: str | None
    verdict: str
    before: str
    band: str
    help: str


def cards(run: Run, budget: Budget, about: About | None) -> list[Card]:
    """Accuracy, size, latency, shipped size and memory of a run against the network it came from.

    What was never trained has no accuracy, and nothing that could stand in for it.

    Args:
        about: the model's card; None where the model was removed since.
    """
    return [
        *([] if about and about.shape_only else [_accuracy(run, budget)]),
        _latency_or_size(run, "Size", "size_bytes"),
        _latency_or_size(run, "Latency", "latency_ms"),
        _less_or_more(run, "As shipped", "shipped_bytes"),
        _less_or_more(run, "Memory", "peak_memory_bytes"),
    ]


def speed(run: Run) -> str:
    """ "1.92× faster", "1.10× slower" or "same speed"; the last where the interval holds 1."""
    if run.comparison is None:
        return ""
    if run.comparison.speed == "tie":
        return "same speed"
    return words.times(run.comparison.latency_ratio.value, "faster", "slower")


def _accuracy(run: Run, budget: Budget) -> Card:
    after, before = quality(run.measurements), quality(run.baseline_measurements)
    moved, verdict, more = None, EVEN, ""
    if run.comparison:
        difference, chance = run.comparison.accuracy_difference, run.comparison.p_value
        moved = words.points(difference.value, 2)
        if chance < CHANCE:
            too_much = -100 * difference.value > budget.accuracy_drop
            verdict = GOOD if difference.value > 0 else BAD if too_much else MIXED
        more = (
            f" The difference, on the same samples: {words.points(difference.low, 2)} to "
            f"{words.points(difference.high, 2)}; {paired_test(after.metric)}: p = {chance:.2g}"
            f"{', no more than chance does.' if chance >= CHANCE else '.'}"
        )
    value = words.percent(after.value, 2) if after else "–"
    was = f"from {words.percent(before.value, 2)}" if before and run.comparison else ""
    metric = after.metric if after else QUALITIES[0]
    title = METRICS[metric].title.split()[0]
    return Card(title, value, moved, verdict, was, _band(after), _help(metric, after) + more)


def _latency_or_size(run: Run, title: str, metric: str) -> Card:
    after = run.measurements.get(metric)
    moved, verdict, band, more = None, EVEN, _band(after), ""
    if run.comparison and metric == "size_bytes":
        moved = words.times(run.comparison.size_ratio, "smaller", "larger")
        verdict = EVEN if moved == words.SAME else GOOD if run.comparison.size_ratio < 1 else BAD
    elif run.comparison:
        moved, ratio = speed(run), run.comparison.latency_ratio
        verdict = {"faster": GOOD, "slower": BAD}.get(run.comparison.speed, EVEN)
        more = (
            " The original ran in turns with it. Its time times "
            f"{words.significant(ratio.value)} ({words.significant(ratio.low)} to {words.significant(ratio.high)}) "
            "is the time of this file."
        )
    return Card(title, words.measured(after), moved, verdict, _before(run, metric), band, _help(metric, after) + more)


def _less_or_more(run: Run, title: str, metric: str) -> Card:
    after, before = run.measurements.get(metric), run.baseline_measurements.get(metric)
    moved, verdict = None, EVEN
    if run.comparison and after and before and before.value > 0 and after.value > 0:
        apart = after.high < before.low or after.low > before.high
        moved = words.times(after.value / before.value, "less", "more") if apart else "about the same"
        verdict = EVEN if not apart else GOOD if after.value < before.value else BAD
    return Card(title, words.measured(after), moved, verdict, _before(run, metric), _band(after), _help(metric, after))


def _before(run: Run, metric: str) -> str:
    """ "from 1.73 MB"; nothing for the network itself."""
    found = run.baseline_measurements.get(metric)
    return f"from {words.measured(found)}" if found and run.comparison else ""


def _band(found: Measurement | None) -> str:
    """The 95 % interval, or that the number is exact."""
    if found is None:
        return "being measured"
    return words.interval(found) or "exact"


def _help(metric: str, found: Measurement | None) -> str:
    title = METRICS[metric].title
    if found is None:
        return f"{title}: being measured."
    band = words.interval(found)
    how = f" {found.how[:1].upper()}{found.how[1:]}." if found.how else ""
    return f"{title}, {found.origin.value}." + (f" 95 % interval: {band}." if band else "") + how
