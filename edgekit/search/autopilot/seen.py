"""A measured recipe as the search looks at it: what it cost in quality, and what it left of size and latency."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from edgekit.core.interval import Interval
from edgekit.core.measurement import QUALITIES
from edgekit.core.run import Run
from edgekit.search.autopilot.kept import Steps
from edgekit.search.frontier import best, covered
from edgekit.search.limits import Miss, Wish, known, misses

ON_INTEGERS = {"quantize_static", "quantize_dynamic", "quantize_aware_train"}  # unless a setting says otherwise
SAME = Interval(value=0.0, low=0.0, high=0.0)
BETTER = (True, False, False)  # whether more is better: of gain, size and latency
WORST, IDEAL = (-0.05, 0.0, 0.0), (0.01, 6.0, 3.0)  # corners: gain; halvings of the bytes, and of the latency


@dataclass(frozen=True)
class Seen:
    """One recipe, beside the uncompressed network on the same samples.

    Attributes:
        run: id of the run.
        whole: whether it was scored on all validation samples and timed: only then it is a point.
        scored: whether it was scored on all of them.
        gain: quality − the original's, a fraction, with its paired 95 % interval.
        size, macs: shares of the original's; macs None where they are not known.
        latency: share of the original's, measured; in a look estimated, or None where there is nothing to go by.
        integers: whether the file computes with them.
        missed: limits that it does not hold; of a look only those that it misses for sure.
    """

    steps: Steps
    run: str
    whole: bool
    scored: bool
    gain: Interval
    size: float
    macs: float | None
    latency: float | None
    integers: bool
    missed: tuple[Miss, ...]

    @classmethod
    def of(cls, run: Run, whole: bool, wishes: Sequence[Wish], scored: bool = False) -> Seen:
        """From a finished run and the limits that were asked for."""
        before = run.baseline_measurements or run.measurements
        compared = run.comparison
        ratio = compared.latency_ratio if compared else None
        macs = [found["macs"].value for found in (run.measurements, before) if "macs" in found]
        return cls(
            steps=run.recipe,
            run=run.id,
            whole=whole,
            scored=whole or scored,
            gain=compared.accuracy_difference if compared else SAME,
            size=compared.size_ratio if compared else 1.0,
            macs=macs[0] / macs[1] if len(macs) == 2 and macs[1] else None,
            latency=ratio.value if ratio else 1.0 if run.is_baseline else None,
            integers=on_integers(run.recipe),
            missed=tuple(misses(wishes, known(run, wishes), before) if whole else _for_sure(run, wishes)),
        )

    @property
    def key(self) -> str:
        """The same for the same recipe."""
        return key(self.steps)

    @property
    def most_gain(self) -> float:
        """What it gains at most, on the samples by which points are compared."""
        return self.gain.value if self.scored else self.gain.high

    @property
    def excess(self) -> float:
        """How far it is from holding every limit, 0 if it does: the sum of the misses' shares."""
        return sum(miss.by for miss in self.missed)

    @property
    def place(self) -> tuple[float, float | None, float | None]:
        """(gain, size, latency): where it lies among others."""
        return self.gain.value, self.size, self.latency


def key(steps: Steps) -> str:
    """A recipe as text that is the same for the same recipe."""
    return json.dumps(steps, sort_keys=True)


def with_latencies(looks: Iterable[Seen], points: Sequence[Seen]) -> list[Seen]:
    """The looks with an estimate of their latency: that of the most alike file that was timed, by the work left.

    Alike are files that both compute with integers, or both with floats; between those, multiply-accumulates decide.
    What was estimated decides who is measured; it is shown to nobody.
    """
    return [replace(look, latency=_estimate(look, points)) if look.latency is None else look for look in looks]


def frontier_of(points: Sequence[Seen]) -> list[Seen]:
    """The points that no other beats on quality, size and latency at once, from small to large."""
    found = best([point.place for point in points], BETTER)
    return sorted((points[index] for index in found), key=lambda point: point.size)


def covered_by(points: Sequence[Seen]) -> float:
    """Of the box from the original less 5 points to 1 point more, 1/64 of the bytes and 1/8 of the time: the share that
    these points cover, with sizes and times on a log scale."""
    places = [
        (point.gain.value, -math.log2(point.size), -math.log2(point.latency)) for point in points if point.latency
    ]
    return covered(places, WORST, IDEAL, (True, True, True))


def on_integers(steps: Steps) -> bool:
    """Whether the file of a recipe computes with integers, which is the other half of how fast it is."""
    name, settings = next(iter(steps[-1].items())) if steps else ("", {})
    chosen = settings.get("activations", settings.get("activation_bits"))
    return name in ON_INTEGERS if chosen is None else chosen != "float"


def _estimate(look: Seen, points: Sequence[Seen]) -> float | None:
    alike = [point for point in points if point.integers == look.integers and point.macs and point.latency]
    if not alike or not look.macs:
        return None
    nearest = min(alike, key=lambda point: abs(math.log(point.macs / look.macs)))
    return nearest.latency * look.macs / nearest.macs


def _for_sure(run: Run, wishes: Sequence[Wish]) -> list[Miss]:
    """What a look misses whatever the other samples say: counted numbers, and quality at the upper end."""
    optimistic = {
        metric: found.model_copy(update={"value": found.high}) if metric in QUALITIES else found
        for metric, found in known(run, wishes).items()
    }
    if run.comparison and (
        before := next((run.baseline_measurements.get(m) for m in QUALITIES if m in optimistic), None)
    ):
        paired = before.value + run.comparison.accuracy_difference.high  # narrower than that of one alone
        found = optimistic[before.metric]
        optimistic[before.metric] = found.model_copy(update={"value": min(found.value, paired)})
    before = run.baseline_measurements or run.measurements
    return [miss for miss in misses(wishes, optimistic, before) if math.isfinite(miss.by)]
