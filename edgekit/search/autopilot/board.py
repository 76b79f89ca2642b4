"""What a search knows at one moment: its trials and what they showed. All that is proposed follows from it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from edgekit.core.errors import StoreError
from edgekit.core.model import Model
from edgekit.core.run import Run
from edgekit.core.technique import FAMILIES
from edgekit.search.autopilot.kept import Search, Steps, Tried
from edgekit.search.autopilot.proposals import Proposals
from edgekit.search.autopilot.seen import Seen, covered_by, frontier_of, key, with_latencies
from edgekit.search.autopilot.space import Space, beginnings, trains
from edgekit.search.autopilot.training import LADDERS, Candidate, candidates
from edgekit.search.limits import Wish, allowed, parse_all
from edgekit.store.store import Store

USELESS = 0.05  # of quality lost: what loses more for sure is no point, unless a limit allows about as much
ALLOWED_TWICE = 1.5
LEARN_ANEW = 1.25  # times as many measurements as there were the last time


@dataclass
class Board:
    """See the module docstring.

    Attributes:
        look_samples: validation samples of a look; None where every trial scores all of them.
        first: the recipes to begin with.
        candidates: what may be trained, if anything may.
        seen: key of a recipe, and whether it is a point -> what it showed, in the order of the trials.
        asked: (key, whole) of every trial that has ended or is being measured.
        at_work: keys of the recipes that are being measured.
        workers: how many trials are measured at a time.
        slowest, largest: latency and size that the limits allow, as shares of the original's; None where they say
            nothing of it.
        proposals: of recipes without training.
        lessons: what they are drawn from, in order. What a look is thought to take follows from the points that there
            were at the time; now and then all is told anew, as it is known by then.
    """

    search: Search
    wishes: list[Wish]
    space: Space
    look_samples: int | None
    first: list[Steps]
    candidates: list[Candidate]
    seen: dict[tuple[str, bool], Seen] = field(default_factory=dict)
    asked: set[tuple[str, bool]] = field(default_factory=set)
    at_work: set[str] = field(default_factory=set)
    workers: int = 1
    slowest: float | None = None
    largest: float | None = None
    proposals: Proposals = field(init=False)
    lessons: list[Seen] = field(default_factory=list, init=False)
    _learn_anew_at: float = field(default=0.0, init=False)

    def __post_init__(self):
        self.proposals = Proposals(self.space, self.search.seed)

    @classmethod
    def of(cls, search: Search, model: Model, look_samples: int | None, first: list[Steps], store: Store) -> Board:
        """The board of a search, whose finished trials are read from the store.

        Raises:
            SettingError: a limit or a family that does not exist.
        """
        families = search.families or FAMILIES
        ladder = LADDERS[search.training]
        trained = candidates(Space.of(model, families, ladder[0])) if ladder else []
        wishes, space = parse_all(search.limits), Space.of(model, families)
        board = cls(search, wishes, space, look_samples, first, trained)
        before, search.tried = search.tried, []
        for tried in before:
            with contextlib.suppress(StoreError):  # of a run that was deleted: it may be asked for again
                board.tell(tried, store.get(tried.run) if tried.run else None)
        return board

    def ask(self, steps: Steps, whole: bool) -> None:
        """A trial begins."""
        self.asked.add((key(steps), whole))
        self.at_work.add(key(steps))

    def tell(self, tried: Tried, run: Run | None) -> None:
        """Take in a trial that has ended, with its run where it did not fail."""
        self.search.tried.append(tried)
        name = key(tried.steps)
        self.at_work.discard(name)
        self.asked -= {(name, True)}  # where a gate held it back, it is no point yet
        self.asked.add((name, tried.whole))
        if run is not None:
            scored = self.look_samples is not None and run.samples > self.look_samples
            self.seen[name, tried.whole] = seen = Seen.of(run, tried.whole, self.wishes, scored)
            if tried.whole and run.is_baseline:
                self.slowest = allowed("latency_ms", self.wishes, run.measurements)
                self.largest = allowed("size_bytes", self.wishes, run.measurements)
            self._learn(seen)

    @property
    def looks(self) -> list[Seen]:
        """What was looked at, with estimates of latency, in order."""
        return with_latencies([one for one in self.seen.values() if not one.whole], self.points)

    @property
    def points(self) -> list[Seen]:
        """What was measured in full, in order."""
        return [one for one in self.seen.values() if one.whole]

    @property
    def known(self) -> set[str]:
        """Keys of all recipes that were tried, or are being tried."""
        return {asked for asked, _ in self.asked}

    @property
    def useless(self) -> float:
        """The quality that a recipe may lose and still be of interest."""
        allowed = [wish.amount / 100 for wish in self.wishes if wish.name == "accuracy_drop"]
        return max([USELESS, *(ALLOWED_TWICE * drop for drop in allowed)])

    def was_tried(self, steps: Steps, whole: bool) -> bool:
        """Whether a trial has ended or is being measured."""
        return (key(steps), whole) in self.asked

    def in_vain(self, steps: Steps) -> bool:
        """Whether what a recipe without training begins with failed, or lost too much by itself; or is at work still.

        A network that is lost is not found again by storing it in fewer bits.
        """
        begun, known = [key(part) for part in beginnings(steps)[:-1]], self.known
        tried = [self._deepest(part) for part in begun if part in known]
        return any(one is None or one.gain.high < -self.useless for one in tried)

    def best_seen(self, recipes: Iterable[Steps]) -> Seen | None:
        """Of these recipes the one that did best, as far as they were measured: by limits, then all in all."""
        found = [one for steps in recipes if (one := self._deepest(key(steps)))]
        return min(found, key=lambda one: (one.excess, -one.gain.value), default=None)

    def covered(self) -> float:
        """The share of the box of hypervolume that the points cover; see `covered_by`."""
        return covered_by(self.points)

    def without_news(self) -> int:
        """How many looks in a row brought nothing to the frontier."""
        on_frontier = {point.key for point in frontier_of(self.points)}
        count = 0
        for tried in reversed([one for one in self.search.tried if one.why != "promoted"]):
            if key(tried.steps) in on_frontier:
                break
            count += 1
        return count

    def _learn(self, seen: Seen) -> None:
        if trains(seen.steps):
            return
        self.lessons += with_latencies([seen], self.points)
        if len(self.lessons) >= self._learn_anew_at:
            deepest = {one.key: one for one in [*self.looks, *self.points] if not trains(one.steps)}
            self.lessons = list(deepest.values())
            self._learn_anew_at = LEARN_ANEW * len(self.lessons)

    def _deepest(self, asked: str) -> Seen | None:
        return self.seen.get((asked, True)) or self.seen.get((asked, False))
