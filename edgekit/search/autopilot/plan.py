"""What to measure next. First what promises to be a point; then what needs no training; then what does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from edgekit.search.autopilot import training
from edgekit.search.autopilot.board import Board
from edgekit.search.autopilot.kept import Steps, Tried
from edgekit.search.autopilot.rungs import GLANCE_SAMPLES, gain_to_beat, next_to_measure, refined
from edgekit.search.autopilot.seen import Seen, key
from edgekit.search.autopilot.space import beginnings
from edgekit.search.autopilot.training import LADDERS, Candidate
from edgekit.search.executor import Gate

UNTRAINED_SHARE = 0.08  # of the time, where training is allowed too
PATIENCE = 100  # recipes in a row that bring nothing, after which a search without training ends
REFINING_SHARE = 0.1  # of the time without training, for rounding that takes long
TIMES_A_LOOK = 10  # as long as others such a look is expected to take, before there was one
IN_HURRY = 1.15  # how much longer than expected a training may take, with the storing of what it gave


@dataclass(frozen=True)
class Ask:
    """A trial that the search wants.

    Attributes:
        whole: score all validation samples and time it; else only look.
        why: promoted, begin, refined, proposed, sized, trained, or stored.
        gates: see `Trial`.
    """

    steps: Steps
    whole: bool
    why: str
    gates: tuple[Gate, ...] = ()


def next_ask(board: Board) -> Ask | None:
    """The next trial; None where nothing is left that is worth the time."""
    return _original(board) or _promoted(board) or _looked_at_next(board)


def _original(board: Board) -> Ask | None:
    return None if board.was_tried([], True) else Ask([], True, "begin")


def _promoted(board: Board) -> Ask | None:
    """What looked well, but for what is only the beginning of a training: that is measured when it is its turn."""
    sized = {key(tried.steps) for tried in board.search.tried if tried.why == "sized"}
    waiting = [
        look
        for look in board.looks
        if look.key not in sized and not board.was_tried(look.steps, True) and look.gain.high >= -board.useless
    ]
    found = next_to_measure(waiting, board.points)
    if found is None:
        return None
    to_beat = gain_to_beat(found, board.points)
    gates = () if to_beat is None or found.scored else (Gate(samples=None, to_beat=to_beat),)
    return Ask(found.steps, True, "promoted", gates)


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
    return None if found is None else _look(board, found, "proposed", -board.useless)


def _may_refine(board: Board) -> bool:
    """Whether it would leave most of the time for what is new; one at a time, as the first shows how long it takes."""
    if board.at_work & {key(steps) for steps in refined(board.points)}:
        return False
    tried = board.search.tried
    took = [one.seconds for one in tried if one.why == "refined"]
    if not took:
        return REFINING_SHARE * len(tried) >= TIMES_A_LOOK
    return sum(took) + took[-1] <= REFINING_SHARE * sum(one.seconds for one in tried)


def _proposed(board: Board) -> Steps | None:
    """What Optuna proposes, or first its beginning: where that alone loses too much, what follows would be in vain."""
    if board.without_news() >= PATIENCE:
        return None
    found = board.proposals.next(board.lessons, board.known, board.useless, board.in_vain)
    return None if found is None else next(steps for steps in beginnings(found) if not _looked(board, steps))


def _trained(board: Board) -> Ask | None:
    best_parts = _best_parts(board)
    for one in board.candidates:
        worth_it = all(part in best_parts for part in one.parts)
        if worth_it and not _looked(board, one.untrained()) and _may_need_so_few_bits(board, one):
            return _look(board, one.untrained(), "sized")
    brief = LADDERS[board.search.training][0] if _limited(board) else 0  # what was trained so briefly is stored last
    for steps in _other_encodings(board, lambda epochs: epochs > brief):
        return _look(board, steps, "stored")
    if found := _next_to_train(board):
        return found
    return next((_look(board, steps, "stored") for steps in _other_encodings(board, lambda epochs: True)), None)


def _best_parts(board: Board) -> list[tuple]:
    """The stems that are worth putting together; none before all that come into question were looked at."""
    parts, alone = [part for one in board.candidates for part in one.parts], {}
    for one in board.candidates:
        if one.stem in parts:
            alone.setdefault(key(one.stem), one)  # its widest
    if any(not _looked(board, one.untrained()) or one.key in board.at_work for one in alone.values()):
        return []
    seen = [(one, board.best_seen([one.untrained()])) for one in alone.values()]
    return training.best_parts([(one, twin) for one, twin in seen if twin])


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
    """How else what was trained may be stored; how to round is learned only of what went on from the first rung."""
    first = LADDERS[board.search.training][0]
    for tried, one, epochs in _trainings(board):
        if tried.run and long_enough(epochs):
            learned = training.bits_to_learn(_sizes(board, one), board.largest) if epochs > first else ()
            for steps in training.other_encodings(board.space, tried.steps, learned):
                if not _looked(board, steps):
                    yield steps


def _sizes(board: Board, one: Candidate) -> dict[int, float]:
    """Bits a weight -> size of the network at so many, as far as that was looked at."""
    twins = {bits: board.best_seen([replace(one, bits=bits).untrained()]) for bits in training.WORTH if bits < 8}
    return {bits: twin.size for bits, twin in twins.items() if twin}


def _next_to_train(board: Board) -> Ask | None:
    """By successive halving: the best third of a rung goes on; where none may yet, one more begins.

    Where only quality is limited, what is far from recovered after the first rung is not trained any longer. None is
    asked for before a worker is free for it, as what ends until then may show what is better.
    """
    ladder, left = LADDERS[board.search.training], board.search.seconds_left
    epoch = _seconds_an_epoch(board)
    limited = _limited(board)
    recovered = {} if limited else _recovered(board)
    ordered = training.in_order(board.candidates, board.looks, board.points, board.slowest, limited, recovered)

    def able(one: Candidate) -> int:
        return ladder[-1] if epoch is None else int(left / (IN_HURRY * one.cost(1) * epoch))

    reached = {one.key: rungs for one in ordered if (rungs := _rungs(board, one))}
    deepest = {key(one.trained(reached[one.key])) for one in ordered if one.key in reached}
    if len(deepest & board.at_work) >= board.workers:
        return None
    begun = [one for one in ordered if one.key in reached and recovered.get(one.key, True)]
    in_all = board.workers * left + _spent_training(board)
    if epoch is not None and len(begun) >= training.how_many(ladder, in_all, epoch):
        for epochs in sorted({rungs[-1] for rungs in reached.values()}, reverse=True):
            there = [(one, _up_to(reached[one.key], epochs)) for one in begun if epochs in reached[one.key]]
            rung = [(one, found) for one, rungs in there if (found := _outcome(board, one, rungs))]
            for one in training.best_third(rung, board.workers):
                more = training.next_rung(ladder, epochs, able(one))
                if more and reached[one.key][-1] == epochs:
                    return _look(board, one.trained((*reached[one.key], more)), "trained")
    return _begun(board, [one for one in ordered if one.key not in reached and able(one) >= ladder[0]], ladder[0])


def _begun(board: Board, ordered: Sequence[Candidate], epochs: int) -> Ask | None:
    """The first of these is trained; where time is limited it is timed before, as training makes nothing faster."""
    earlier_at_work = False
    for one in ordered:
        steps = one.untrained()
        if board.slowest is None or (key(steps), True) in board.seen:
            return None if earlier_at_work else _look(board, one.trained((epochs,)), "trained")
        if not board.was_tried(steps, True):
            return Ask(steps, True, "sized")
        earlier_at_work = earlier_at_work or key(steps) in board.at_work
    return None


def _rungs(board: Board, one: Candidate) -> tuple[int, ...]:
    """The epochs of each rung that a candidate was trained in, or is; () where it was not."""
    ladder, rungs = LADDERS[board.search.training], ()
    following = [ladder[0]]
    while found := next((epochs for epochs in following if _looked(board, one.trained((*rungs, epochs)))), None):
        rungs, following = (*rungs, found), range(found + 1, ladder[-1] + 1)
    return rungs


def _up_to(rungs: tuple[int, ...], epochs: int) -> tuple[int, ...]:
    return rungs[: rungs.index(epochs) + 1]


def _recovered(board: Board) -> dict[str, bool]:
    """Key of each candidate that was trained in the first rung -> whether it is not far from recovered."""
    first, least = LADDERS[board.search.training][:1], -board.useless
    found = {one.key: _outcome(board, one, first) for one in board.candidates}
    return {name: seen.gain.high >= least for name, seen in found.items() if seen}


def _outcome(board: Board, one: Candidate, rungs: Sequence[int]) -> Seen | None:
    """The best of what a candidate's training led to, however it was stored."""
    steps = one.trained(rungs)
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
    """The trainings that were done, each with what was trained and for how many epochs in the last rung."""
    trained = [tried for tried in board.search.tried if tried.why == "trained"]
    recipes = {
        key(one.trained(_up_to(rungs, epochs))): (one, epochs)
        for one in (board.candidates if trained else [])
        for rungs in [_rungs(board, one)]
        for epochs in rungs
    }
    return [(tried, *recipes[asked]) for tried in trained if (asked := key(tried.steps)) in recipes]


def _looked(board: Board, steps: Steps) -> bool:
    return board.was_tried(steps, False) or board.was_tried(steps, True)


def _look(board: Board, steps: Steps, why: str, to_beat: float | None = None) -> Ask:
    """A look, which ends at a glance if that shows too little; of what may be trained it matters how much it loses."""
    if board.look_samples is None:
        return Ask(steps, True, why)
    glances = to_beat is not None and board.look_samples > GLANCE_SAMPLES
    return Ask(steps, False, why, (Gate(samples=GLANCE_SAMPLES, to_beat=to_beat),) if glances else ())
