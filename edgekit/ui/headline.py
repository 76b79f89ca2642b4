"""Before → after, in four cards: what the selected file gained, what it cost, and how sure each number is."""

from dataclasses import dataclass

import streamlit as st

from edgekit.core.measurement import METRICS
from edgekit.core.run import Run
from edgekit.ui import words

GOOD, BAD, EVEN = "green", "red", "gray"


@dataclass(frozen=True)
class Card:
    """One number: what it is now, how it moved, whether that is good, what it was, and its interval in a tooltip."""

    title: str
    value: str
    moved: str | None
    verdict: str
    before: str
    help: str


def cards(run: Run) -> list[Card]:
    """Accuracy, size, latency, shipped size and memory of a run against the network it came from."""
    return [_accuracy(run), _size(run), _latency(run), _ratio(run, "shipped_bytes"), _ratio(run, "peak_memory_bytes")]


def draw(run: Run) -> None:
    """The cards, in as many columns as fit."""
    with st.grid(5, min_column_width=225, gap="small"):
        for card in cards(run):
            st.metric(
                card.title, card.value, card.moved, card.verdict, delta_arrow="off", delta_description=card.before,
                help=card.help, border=True, height="stretch",
            )  # fmt: skip


def _accuracy(run: Run) -> Card:
    moved, verdict = None, EVEN
    if run.comparison:
        difference = run.comparison.accuracy_difference
        moved = words.points(difference.value, 2)
        verdict = EVEN if run.comparison.p_value >= 0.05 else GOOD if difference.value > 0 else BAD
    text = _help(run, "accuracy")
    if run.comparison:
        low, high = words.points(difference.low, 2), words.points(difference.high, 2)
        text += (
            f" Against the original, on the same samples: {low} to {high} (McNemar p = {run.comparison.p_value:.2g})."
        )
        if verdict == EVEN:
            text += " That is within what chance does."
    return Card("Accuracy", _now(run, "accuracy", 2), moved, verdict, _before(run, "accuracy", 2), text)


def _size(run: Run) -> Card:
    moved, verdict = None, EVEN
    if run.comparison:
        ratio = run.comparison.size_ratio
        moved = words.times(ratio, "smaller", "larger")
        verdict = EVEN if moved == "unchanged" else GOOD if ratio < 1 else BAD
    return Card("Size", _now(run, "size_bytes"), moved, verdict, _before(run, "size_bytes"), _help(run, "size_bytes"))


def _latency(run: Run) -> Card:
    moved, verdict, text = None, EVEN, _help(run, "latency_ms")
    if run.comparison:
        ratio = run.comparison.latency_ratio
        moved = speed(run)
        verdict = {"faster": GOOD, "slower": BAD}.get(run.comparison.speed, EVEN)
        text += (
            f" Time against the original, run in turns with it: {words.significant(ratio.value)} "
            f"({words.significant(ratio.low)} to {words.significant(ratio.high)}); below 1 is faster."
        )
    return Card("Latency", _now(run, "latency_ms"), moved, verdict, _before(run, "latency_ms"), text)


def speed(run: Run) -> str:
    """ "1.92× faster", "1.10× slower" or "same speed"; the last where the interval holds 1."""
    if run.comparison is None:
        return ""
    if run.comparison.speed == "tie":
        return "same speed"
    return words.times(run.comparison.latency_ratio.value, "faster", "slower")


def _ratio(run: Run, metric: str) -> Card:
    """A number that is compared by dividing it by what it was."""
    after, before = run.measurements.get(metric), run.baseline_measurements.get(metric)
    moved, verdict = None, EVEN
    if run.comparison and after and before and before.value > 0 and after.value > 0:
        ratio = after.value / before.value
        moved = "about the same" if 0.97 < ratio < 1.03 else words.times(ratio, "less", "more")
        verdict = EVEN if moved == "about the same" else GOOD if ratio < 1 else BAD
    title = {"shipped_bytes": "As shipped", "peak_memory_bytes": "Memory"}[metric]
    return Card(title, _now(run, metric), moved, verdict, _before(run, metric), _help(run, metric))


def _now(run: Run, metric: str, digits: int = 1) -> str:
    found = run.measurements.get(metric)
    return words.percent(found.value, digits) if found and metric == "accuracy" else words.measured(found)


def _before(run: Run, metric: str, digits: int = 1) -> str:
    """ "from 1.73 MB"; nothing for the network itself."""
    found = run.baseline_measurements.get(metric)
    if run.is_baseline or found is None:
        return ""
    return f"from {words.percent(found.value, digits) if metric == 'accuracy' else words.measured(found)}"


def _help(run: Run, metric: str) -> str:
    found = run.measurements.get(metric)
    title = METRICS[metric].title
    if found is None:
        return f"{title}: being measured."
    band = words.interval(found)
    how = f" {found.how[:1].upper()}{found.how[1:]}." if found.how else ""
    return f"{title}, {found.origin.value}." + (f" 95 % interval {band}." if band else "") + how
