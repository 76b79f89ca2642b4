"""What to measure next. First what promises to be a point; then what needs no training; then what does."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edgekit.search.autopilot import training
from edgekit.search.autopilot.board import Board
from edgekit.search.autopilot.kept import Steps, Tried
from edgekit.search.autopilot.proposals import proposal
from edgekit.search.autopilot.rungs import next_to_measure, refined
from edgekit.search.autopilot.seen import Seen, key
from edgekit.search.autopilot.space import trains
from edgekit.search.autopilot.training import LADDERS, Candidate

UNTRAINED_SHARE = 0.12  # of the time, where training is allowed too
PATIENCE = 100  # recipes in a row that bring nothing, after which a search without training ends
REFINING_SHARE = 0.1  # of the time without training, for rounding that takes long
TIMES_A_LOOK = 10.0  # as long as others such a look is expected to take, before there was one
IN_HURRY = 1.2  # how much longer than expected a training may take, with the storing of what it gave


@dataclass(frozen=True)
class Ask:
    """A trial that the search wants.

    Attributes:
        whole: score all validation samples and time it; else only look.
        why: promoted, begin, refined, proposed, sized, trained, or stored.
        timed: whether its latency is measured.
    """

    steps: Steps
    whole: bool
    why: str
    timed: bool = False


def next_ask(board: Board) -> Ask | None:
    """The next trial; None where nothing is left that is worth the time."""
    return _original(board) or _promoted(board) or _looked_at_next(board)


def _original(board: Board) -> Ask | None:
    return None if board.was_tried([], True) else Ask([], True, "begin", True)


def _promoted(board: Board) -> Ask | None:
    waiting = [
        look for look in board.looks if not board.was_tried(look.steps, True) and look.gain.high >= -board.useless
    ]
    found = next_to_measure(waiting, board.points)
    return Ask(found.steps, True, "promoted", True) if found else None


def _looked_at_next(board: Board) -> Ask | None:
    search = board.search
    if search.trials is not None and len(board.known) > search.trials:
        return None
    may_train = bool(LADDERS[search.training]) and bool(board.candidates)
    begun = any(tried.why in ("sized", "trained") for tried in search.tried)
    if may_train and (begun or search.spent > UNTRAINED_SHARE * 60 * search.minutes):
        return _trained(board) or _untrained(board)
    return _untrained(board) or (_trained(board) if may_train else None)


def _untrained(board: Board) -> Ask | None:
    first, better = (
        next((steps for steps in recipes if not _looked(board, steps)), None)
        for recipes in (board.first, refined(board.points))
    )
    if first:
        return _look(board, first, "begin")
    found = None if better and _may_refine(board) else _proposed(board)
    if found is None and better:
        return _look(board, better, "refined")
    return None if found is None else _look(board, found, "proposed")


def _may_refine(board: Board) -> bool:
    """Whether it would leave most of the time for what is new; one at a time, as the first shows how long it takes."""
    if board.at_work & {key(steps) for steps in refined(board.points)}:
        return False
    took = {why: [one.seconds for one in board.search.tried if (one.why == "refined") is why] for why in (True, False)}
    expected = took[True][-1] if took[True] else TIMES_A_LOOK * statistics.median(took[False] or [0.0])
    return sum(took[True]) + expected <= REFINING_SHARE * sum(sum(seconds) for seconds in took.values())


def _proposed(board: Board) -> Steps | None:
    if board.without_news() >= PATIENCE:
        return None
    deepest = {one.key: one for one in [*board.looks, *board.points] if not trains(one.steps)}
    return proposal(board.space, list(deepest.values()), board.known, board.search.seed)


def _trained(board: Board) -> Ask | None:
    for one in board.candidates:
        if not _looked(board, one.untrained()) and _may_need_so_few_bits(board, one):
            return _look(board, one.untrained(), "sized", timed=any(wish.is_timed for wish in board.wishes))
    brief = LADDERS[board.search.training][0] if _limited(board) else 0  # what was trained so briefly is stored last
    for steps in _other_encodings(board, lambda epochs: epochs > brief):
        return _look(board, steps, "stored")
    if found := _next_to_train(board):
        return _look(board, found, "trained")
    return next((_look(board, steps, "stored") for steps in _other_encodings(board, lambda epochs: True)), None)


def _may_need_so_few_bits(board: Board, one: Candidate) -> bool:
    """Whether the same network in more bits is too large, and that alone; where quality alone is limited, whether it
    trains otherwise."""
    wider = [other for other in board.candidates if other.bits > one.bits and other.stem == one.stem]
    if not _limited(board):
        return all(other.training != one.training for other in wider)
    twins = [board.best_seen([other.untrained()]) for other in wider]
    return all(twin is not None and training.only_too_large(twin) for twin in twins)


def _limited(board: Board) -> bool:
    """Whether a limit is on anything but quality."""
    return any(not wish.name.startswith("accuracy") for wish in board.wishes)


def _other_encodings(board: Board, long_enough: Callable[[int], bool]) -> Iterator[Steps]:
    """How else what was trained may be stored; slowly rounded only what went on from the first rung."""
    first = LADDERS[board.search.training][0]
    for tried, _, epochs in _trainings(board):
        if tried.run and long_enough(epochs):
            for steps in training.other_encodings(board.space, tried.steps, slow=epochs > first):
                if not _looked(board, steps):
                    yield steps


def _next_to_train(board: Board) -> Steps | None:
    """By successive halving: the best third of a rung goes on; where none may yet, one more begins.

    Where only quality is limited, what is far from recovered after the first rung is not trained any longer.
    """
    ladder, left = LADDERS[board.search.training], board.search.seconds_left
    epoch = _seconds_an_epoch(board)
    limited = _limited(board)
    recovered = {} if limited else _recovered(board)
    ordered = training.in_order(board.candidates, board.looks, board.points, limited, recovered)

    def able(one: Candidate) -> int:
        return ladder[-1] if epoch is None else int(left / (IN_HURRY * one.cost(1) * epoch))

    reached = {one.key: epochs for one in ordered if (epochs := _reached(board, one))}
    begun = [one for one in ordered if one.key in reached and recovered.get(one.key, True)]
    in_all = board.workers * left + _spent_training(board)
    if epoch is not None and len(begun) >= training.how_many(ladder, in_all, epoch):
        for epochs in sorted(set(reached.values()), reverse=True):
            rung = [(one, found) for one in begun if (found := _outcome(board, one, epochs))]
            for one in training.best_third(rung, board.workers):
                more = training.next_rung(ladder, epochs, able(one))
                if more and reached[one.key] == epochs:
                    return one.trained(more)
    fresh = (one for one in ordered if one.key not in reached and able(one) >= ladder[0])
    return next((one.trained(ladder[0]) for one in fresh), None)


def _reached(board: Board, one: Candidate) -> int:
    """The most epochs that a candidate was trained for, or is; 0 where it was not."""
    most = LADDERS[board.search.training][-1]
    return next((epochs for epochs in range(most, 0, -1) if _looked(board, one.trained(epochs))), 0)


def _recovered(board: Board) -> dict[str, bool]:
    """Key of each candidate that was trained in the first rung -> whether it is not far from recovered."""
    epochs, least = LADDERS[board.search.training][0], -board.useless
    found = {one.key: _outcome(board, one, epochs) for one in board.candidates}
    return {name: seen.gain.high >= least for name, seen in found.items() if seen}


def _outcome(board: Board, one: Candidate, epochs: int) -> Seen | None:
    """The best of what a candidate's training led to, however it was stored."""
    steps = one.trained(epochs)
    return board.best_seen([steps, *training.other_encodings(board.space, steps)])


def _seconds_an_epoch(board: Board) -> float | None:
    costs = _costs(board)
    seconds, epochs = sum(took for took, _ in costs), sum(cost for _, cost in costs)
    return seconds / epochs if epochs else None


def _spent_training(board: Board) -> float:
    return sum(took for took, _ in _costs(board))


def _costs(board: Board) -> list[tuple[float, float]]:
    """(seconds, epochs) of each training that was done."""
    return [(tried.seconds, one.cost(epochs)) for tried, one, epochs in _trainings(board)]


def _trainings(board: Board) -> list[tuple[Tried, Candidate, int]]:
    """The trainings that were done, each with what was trained and for how many epochs."""
    trained = [tried for tried in board.search.tried if tried.why == "trained"]
    most = LADDERS[board.search.training][-1] if trained else 0
    recipes = {key(one.trained(n)): (one, n) for one in board.candidates for n in range(1, most + 1)}
    return [(tried, *recipes[asked]) for tried in trained if (asked := key(tried.steps)) in recipes]


def _looked(board: Board, steps: Steps) -> bool:
    return board.was_tried(steps, False) or board.was_tried(steps, True)


def _look(board: Board, steps: Steps, why: str, timed: bool = False) -> Ask:
    whole = board.look_samples is None
    return Ask(steps, whole, why, timed or whole)
