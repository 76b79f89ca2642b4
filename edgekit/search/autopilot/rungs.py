"""Who goes on. First a glance: a few validation samples show what loses too much. Then a look, at a part of them. Of
what may matter all are scored; then it is timed and so a point, if it still may.

A look is dropped once nothing that its interval allows could put it on the frontier, or if it misses a limit for sure
while others hold all of them. Successive halving: Jamieson and Talwalkar 2016, arXiv:1502.07943.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from edgekit.registry import technique
from edgekit.search.autopilot.kept import Steps
from edgekit.search.autopilot.seen import Seen, frontier_of, with_latencies

LOOK_SAMPLES = 1000  # of the validation samples; where there are few more than that, every trial scores them all
GLANCE_SAMPLES = 200  # of those of a look
LOOK_DECODED = 200  # where a sample takes many passes
SLACK = 0.05  # how much shorter than estimated a latency may turn out
SLOW = {"rounding": "reconstructed"}  # what takes long is tried on the frontier alone
ROUNDING = {"quantize_weights": "bits", "quantize_mixed": "average_bits"}  # technique -> how many bits a weight keeps
FEW_BITS = 5  # at more of them, rounding well gains nothing


def look_samples(validation: int, decoded: bool = False) -> int | None:
    """How many samples a look scores; None where looks would save nothing.

    Args:
        validation: how many validation samples there are.
        decoded: whether each takes many passes, as a translation does.
    """
    few = LOOK_DECODED if decoded else LOOK_SAMPLES
    return few if validation >= 2 * few else None


def next_to_measure(looks: Iterable[Seen], points: Sequence[Seen]) -> Seen | None:
    """Of the looks that are no points yet, the most promising that may still matter; None if there is none."""
    measured = {point.key for point in points}
    waiting = with_latencies([look for look in looks if look.key not in measured], points)
    able = [look for look in waiting if may_matter(look, points)]
    return min(able, key=lambda look: (look.excess, -look.gain.value, look.size, look.key), default=None)


def may_matter(look: Seen, points: Sequence[Seen]) -> bool:
    """Whether a look could be a point that no other beats."""
    if look.missed and any(not point.missed for point in points):
        return False
    to_beat = gain_to_beat(look, points)
    return to_beat is None or look.most_gain > to_beat


def gain_to_beat(look: Seen, points: Sequence[Seen]) -> float | None:
    """The most that is gained by a point that is as small and as fast; None if there is no such point."""
    return max((point.gain.value for point in points if _as_small_and_fast(point, look)), default=None)


def refined(points: Sequence[Seen]) -> list[Steps]:
    """The recipes of the frontier with what is better and takes longer, where it may gain something."""
    found = []
    for point in frontier_of(points):
        ((name, settings),) = point.steps[-1].items() if point.steps else (("", {}),)
        if name in ROUNDING and not SLOW.items() <= settings.items() and _bits(name, settings) < FEW_BITS:
            found.append([*point.steps[:-1], {name: settings | SLOW}])
    return found


def _bits(name: str, settings: dict[str, Any]) -> float:
    return technique(name).make(settings).settings(all_of_them=True)[ROUNDING[name]]


def _as_small_and_fast(point: Seen, look: Seen) -> bool:
    if point.size > look.size or look.latency is None:
        return False
    faster, alike = (point.latency <= look.latency * (1 + slack) for slack in (-SLACK, SLACK))
    return faster or (alike and point.integers == look.integers and point.macs == look.macs)  # runs in the same time
