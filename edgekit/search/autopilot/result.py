"""What a search found: the winner with both of its qualities, the measured frontier, and the nearest misses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgekit.core.errors import StoreError
from edgekit.core.run import Run
from edgekit.search.autopilot.kept import Search
from edgekit.search.autopilot.seen import Seen, covered_by, frontier_of
from edgekit.search.limits import Miss, Wish, known, misses, parse_all
from edgekit.store.store import Store

NEAREST = 5
ABOUT_QUALITY = ("accuracy", "accuracy_drop")
CAUTION = 0.5  # of the way from an estimate to the end of its interval: about one standard error


@dataclass(frozen=True)
class Result:
    """See the module docstring.

    Attributes:
        points: everything that was measured in full on validation samples, in order.
        frontier: those that no other beats on quality, size and latency at once, from small to large.
        winner: the best that holds every limit, as measured on validation samples; None if none does.
        chosen, confirmed: its runs on validation samples and on the test set.
        missed_in_test: limits that it does not hold on the test set, though it did where it was chosen.
        nearest: if few points hold every limit, those that miss the least, the nearest first.
        covered: share of the box of hypervolume; see `seen.covered_by`.
    """

    search: Search
    points: list[Seen]
    frontier: list[Seen]
    winner: Seen | None
    chosen: Run | None
    confirmed: Run | None
    missed_in_test: list[Miss]
    nearest: list[Seen]
    covered: float


def result(search: Search, store: Store) -> Result:
    """What there is so far; a search need not have ended."""
    wishes = parse_all(search.limits)
    points = []
    for tried in search.tried:
        if tried.whole and tried.run and (run := _run(tried.run, store)):
            points.append(Seen.of(run, True, wishes))
    best = winner(points, wishes)
    confirmed = _run(search.confirmed, store)
    before = confirmed and (confirmed.baseline_measurements or confirmed.measurements)
    missed = misses(wishes, known(confirmed, wishes), before) if confirmed else []
    return Result(
        search=search,
        points=points,
        frontier=frontier_of(points),
        winner=best,
        chosen=_run(best.run, store) if best else None,
        confirmed=confirmed,
        missed_in_test=missed,
        nearest=nearest_misses(points),
        covered=covered_by(points),
    )


def winner(points: Sequence[Seen], wishes: Sequence[Wish]) -> Seen | None:
    """Of the recipes that hold every limit the best: in what no limit speaks of.

    Where quality is limited that is the least product of size and latency, else the highest quality. Of many that are
    near a limit the smallest is one that was lucky on these samples; so those that hold it with about one standard
    error to spare go first. The original itself wins only where nothing else holds the limits.
    """
    holding = [point for point in points if not point.missed]
    limited = any(wish.name in ABOUT_QUALITY for wish in wishes)

    def rank(point: Seen) -> tuple:
        product = point.size * (point.latency or 1.0)
        best = (product, -point.gain.value) if limited else (-point.gain.value, product)
        return (not point.steps, not _surely(point, wishes), *best)

    return min(holding, key=rank, default=None)


def _surely(point: Seen, wishes: Sequence[Wish]) -> bool:
    """Whether no more quality is lost than is allowed, with CAUTION."""
    low = point.gain.value - CAUTION * (point.gain.value - point.gain.low)
    return all(low >= -wish.amount / 100 for wish in wishes if wish.name == "accuracy_drop")


def nearest_misses(points: Sequence[Seen]) -> list[Seen]:
    """The points that miss limits by the least in all, the nearest first; each says what it misses."""
    missing = [point for point in points if point.missed and point.steps]
    return sorted(missing, key=lambda point: point.excess)[:NEAREST]


def _run(id: str, store: Store) -> Run | None:
    try:
        return store.get(id) if id else None
    except StoreError:  # deleted meanwhile
        return None
