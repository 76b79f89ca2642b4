"""What is trained, and for how long.

A candidate is a way to make the network smaller, the training that recovers it, and how the outcome is stored. Its size
and its work are known before: those of the same recipe without training, which is looked at in a moment. So those come
first that hold the limits with the most network left; where only quality is limited, how slim it may be is found by
halves. Then successive halving: many get one epoch, the best third of them three more, the best third of those nine
more. Where there is no time for all of that, the last rung begins sooner, and takes what is left.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType

from edgekit.search.autopilot.kept import Steps
from edgekit.search.autopilot.seen import Seen, key
from edgekit.search.autopilot.space import Space, plain
from edgekit.search.autopilot.start import RECOVERY, encodings, first_stems, fits, recovery, stems_of_two_blocks

LADDERS = {"none": (), "quick": (1, 3), "thorough": (1, 3, 9)}  # epochs
MOST = 9  # candidates in the first rung
WORTH = {8: 1.0, 4: 0.97, 3: 0.92, 2: 0.7}  # share of the network that so many bits a weight are as good as
AWARE = (2,)  # bits at which training with the codes in place pays: it takes three times as long
FACTOR = 3  # by how much fewer go on from a rung, and are trained longer
OVER = 4.0  # shares of the network that a limit missed by as much as it is counts for
LEARNED_BITS = (3.25, 3.75)  # on average, where no limit says how many fit
LEAST_LEARNED, MOST_LEARNED = 2.5, 4.5  # at fewer too much is lost, at more learning gains nothing
NOISE = 0.01  # what a latency that was measured may be off by
NEARLY = 0.05  # how far off a limit may be that a second measurement could show to be held


@dataclass(frozen=True)
class Candidate:
    """Something to train.

    Attributes:
        stem: the steps that make the network smaller.
        bits: per weight of the file.
        recovery: the step that trains, but for its epochs.
        parts: the stems that it is put together from, if any: it is of interest where they lose little by themselves.
    """

    stem: tuple
    bits: int
    recovery: dict[str, dict] = field(default_factory=lambda: RECOVERY)
    parts: tuple[tuple, ...] = ()

    @property
    def key(self) -> str:
        """The same for the same candidate."""
        return key(self.untrained())

    @property
    def training(self) -> str:
        """The same for candidates that are trained alike."""
        recipe = self.trained((1,))
        return key(recipe if self.bits in AWARE else recipe[:-1])

    def untrained(self) -> Steps:
        """A recipe with the same size and the same work, which needs no training."""
        last = {"quantize_static": {}} if self.bits == 8 else _weights(self.bits)
        return plain([*self.stem, last])

    def trained(self, rungs: Sequence[int]) -> Steps:
        """The recipe, trained for so many epochs in each rung: each goes on where the one before ended.

        Training with the codes in place, if any, comes once at the end, for as long as the last rung.
        """
        ((name, settings),) = self.recovery.items()
        recovery = [{name: settings | {"epochs": epochs}} for epochs in rungs] if self.stem else []
        last = {"quantize_static": {}} if self.bits == 8 else _weights(self.bits)
        if self.bits in AWARE:
            last = {"quantize_aware_train": {"bits": self.bits, "epochs": rungs[-1]}}
        return plain([*self.stem, *recovery, last])

    def cost(self, epochs: int) -> float:
        """About how many epochs of plain training a rung of so many takes."""
        return epochs * ((1 if self.stem else 0) + 2 if self.bits in AWARE else 1)


def candidates(space: Space) -> list[Candidate]:
    """Everything that may be trained on this model. The network as it is needs no recovery.

    Of a stem, 8 bits are a candidate only where fewer cannot be: how else it is stored is tried once it is trained.
    """
    found, recovered_by = [], recovery(space)
    for stem, parts in [*((stem, []) for stem in first_stems(space)), *stems_of_two_blocks(space)]:
        ones = [
            Candidate(tuple(stem), bits, recovered_by, tuple(map(tuple, parts)))
            for bits in WORTH
            if stem or bits in AWARE
        ]
        able = [one for one in ones if fits(space, one.trained((1,))) and fits(space, one.untrained())]
        found += [one for one in able if one.bits < 8 or len(able) == 1]
    return found


def best_parts(alone: Sequence[tuple[Candidate, Seen]]) -> list[tuple]:
    """Of the stems that others are put together from the half that loses least by itself."""
    ranked = sorted(alone, key=lambda pair: -pair[1].gain.value)
    return [one.stem for one, _ in ranked[: math.ceil(len(ranked) / 2)]]


def in_order(
    those: Sequence[Candidate],
    looks: Sequence[Seen],
    points: Sequence[Seen],
    slowest: float | None = None,
    limited: bool = True,
    trained: Mapping[str, bool] = MappingProxyType({}),
) -> list[Candidate]:
    """Candidates whose untrained twin was seen: first those with the most network left that are within the limits.

    A limit that is hardly missed does not rule one out, as it would take hardly less of a network to hold it; but those
    that were timed and are too slow come last, as no training helps with that. Within limits, what is lost before
    training counts as much as what is left of the network. Of those whose training is the same, as they differ in how
    it is stored, only the first.

    Args:
        slowest: latency that the limits allow, as a share of the original's.
        limited: whether a limit is on anything but quality. If none is, how slim to go is what training must show, so
            they come by halves: between the slimmest that recovered and the least slim that did not. What trains with
            the codes in place, which takes three times as long, comes last.
        trained: key of a candidate that was trained -> whether it recovered.
    """
    twins = {one.key: one for one in [*looks, *points]}
    known = [(one, twins[twin]) for one in those if (twin := one.key) in twins]

    def rank(pair: tuple[Candidate, Seen]) -> tuple[bool, float]:
        one, twin = pair
        against = OVER * (over(twin) + _too_slow(twin, points, slowest)) - twin.gain.value if limited else 0.0
        return _in_vain(twin), against - (twin.macs or twin.size) * WORTH[one.bits]

    best: dict[str, Candidate] = {}
    for one, _ in sorted(known, key=rank):
        best.setdefault(one.training, one)
    ranked = list(best.values())
    if limited:
        return ranked
    return [
        one for aware in (False, True) for one in _by_halves([c for c in ranked if (c.bits in AWARE) is aware], trained)
    ]


def over(twin: Seen) -> float:
    """By how much the limits are missed, but those on quality, which training is for."""
    return sum(miss.by for miss in twin.missed if not miss.wish.startswith("accuracy"))


def only_too_large(twin: Seen) -> bool:
    """Whether it misses limits that fewer bits help with, and hardly any other: they make nothing faster."""
    sizes = sum(miss.by for miss in twin.missed if miss.wish.startswith(("size", "shipped")))
    return 0 < sizes >= over(twin) - NEARLY


def how_many(ladder: Sequence[int], seconds: float, seconds_an_epoch: float) -> int:
    """Candidates for the first rung, so that all rungs fit in the time: each takes about as long as the first.

    Args:
        seconds: of all workers together.
    """
    epochs = seconds / max(seconds_an_epoch, 1e-3)
    return max(1, min(MOST, math.floor(epochs / (2 * len(ladder) * ladder[0]))))


def best_third(rung: Sequence[tuple[Candidate, Seen]], least: int = 1) -> list[Candidate]:
    """Those who go on from a rung: nearest to holding every limit, then the best of them.

    Args:
        least: so many at least, as there are workers for them.
    """
    ranked = sorted(rung, key=lambda pair: (pair[1].excess, -_volume(pair[1])))
    return [one for one, _ in ranked[: max(least, math.ceil(len(ranked) / FACTOR))]]


def next_rung(ladder: Sequence[int], reached: int, able: int) -> int | None:
    """How many epochs come after `reached`; None where there is no time for what would be worth it.

    Args:
        able: epochs for which there is time.
    """
    above = [epochs for epochs in ladder if epochs > reached]
    for epochs, following in pairwise(above):
        if able - epochs >= following:
            return epochs
    last = min(able, above[-1]) if above else 0
    return last if last >= FACTOR * reached else None


def other_encodings(space: Space, steps: Steps, learned: Iterable[float] = ()) -> list[Steps]:
    """Other ways to store what a recipe trained; the training itself is not done again.

    Args:
        learned: average bits at which rounding is learned too, which takes as long as some training.
    """
    last = next(iter(steps[-1]))
    if last == "quantize_aware_train" or last not in space.options["encode"]:
        return []
    return [plain([*steps[:-1], *encoding]) for encoding in encodings(space, learned)]


def bits_to_learn(sizes: Mapping[int, float], largest: float | None) -> tuple[float, ...]:
    """Average bits a weight at which learning how to round pays: as many as fit.

    Args:
        sizes: bits -> size of the same network at so many, as a share of the original's; at least two of them.
        largest: size that the limits allow; None where they say nothing of it.
    """
    if largest is None or len(sizes) < 2:
        return LEARNED_BITS
    (few, small), (many, large) = sorted(sizes.items())[-2:]
    fit = few + (many - few) * (largest - small) / (large - small)
    return (min(max(math.floor(20 * fit) / 20, LEAST_LEARNED), MOST_LEARNED),)


def _in_vain(twin: Seen) -> bool:
    """Whether it was measured in full and misses by more than noise what neither training nor fewer bits help with."""
    helped = ("accuracy", "size", "shipped")
    return twin.whole and any(miss.by > NOISE for miss in twin.missed if not miss.wish.startswith(helped))


def _too_slow(twin: Seen, points: Sequence[Seen], slowest: float | None) -> float:
    """By how much it must be expected to miss the limit on latency; 0 where that was measured, and is in `over`.

    From the best that is known: with less work a network is faster by the square root of it, with more it is slower in
    proportion at most.
    """
    alike = [one for one in points if one.integers == twin.integers and one.macs and one.latency]
    if twin.whole or slowest is None or not alike or not twin.macs:
        return 0.0
    work = [twin.macs / one.macs for one in alike]
    expected = min(one.latency * max(share, math.sqrt(share)) for one, share in zip(alike, work, strict=True))
    return max(0.0, expected / slowest - 1)


def _by_halves(ranked: Sequence[Candidate], trained: Mapping[str, bool]) -> list[Candidate]:
    """First those between what recovered and what did not, the middle one, then the middles of both parts, and so on;
    then the less slim ones; last those that are slimmer than what did not recover.

    Args:
        ranked: with the most network left first.
    """
    lost = [place for place, one in enumerate(ranked) if not trained.get(one.key, True)]
    end = min(lost, default=len(ranked))
    begin = max((place + 1 for place, one in enumerate(ranked[:end]) if trained.get(one.key)), default=0)
    found, parts = [], [ranked[begin:end]]
    while parts:
        part = parts.pop(0)
        if part:
            place = len(part) // 2
            found.append(part[place])
            parts += [part[:place], part[place + 1 :]]
    return [*found, *reversed(ranked[:begin]), *ranked[end:]]


def _weights(bits: int) -> dict:
    return {"quantize_weights": {"bits": bits, "activations": "int8"}}


def _volume(one: Seen) -> float:
    """How much better than the original, all in all, in the measures of the box of hypervolume.

    A point of quality counts as much as half of the bytes, and half of the time twice that.
    """
    return 100 * one.gain.value - math.log2(one.size) - 2 * math.log2(one.latency or 1.0)
