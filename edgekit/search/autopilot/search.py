"""The loop of a search: ask what to measure, measure it, keep it, until the time is over or nothing is left.

    result = search("lenet5-fashion", ["size=200KB", "accuracy_drop=1"], minutes=3)
    print(result.winner.steps, result.confirmed.measurements["accuracy"].value)

Nothing here is lost when it is stopped: every trial is a run in the store, and the search a row that says in which
order. The winner is chosen on validation samples, and scored once on the test set.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait

from edgekit.core.errors import Cancelled, EdgeKitError, StoreError
from edgekit.core.progress import Progress, silent
from edgekit.core.run import Depth, Run
from edgekit.core.technique import FAMILIES
from edgekit.data.splits import load as load_data
from edgekit.library import load as load_model
from edgekit.search.autopilot.board import Board
from edgekit.search.autopilot.kept import Search, Training, Tried, begin, load
from edgekit.search.autopilot.plan import Ask, next_ask
from edgekit.search.autopilot.result import Result, result, winner
from edgekit.search.autopilot.rungs import look_samples
from edgekit.search.autopilot.seen import Seen
from edgekit.search.autopilot.space import Space
from edgekit.search.autopilot.start import first_recipes
from edgekit.search.executor import Executor, Local, Trial
from edgekit.store.store import Store

NEEDS_ALL = {"shipped", "memory"}  # limits on what is measured last
MOST_EARLIER = 2000  # runs of the model that it learns from, the newest
LOOK_AGAIN_SECONDS = 0.5  # whether somebody asked it to pause or to stop
CONFIRMING = 0.98  # of the progress, when the winner is scored on the test set

OnChange = Callable[[Search], None]


class _TimeOver(Cancelled):
    """The time allowance was used up in the middle of a trial."""


class _Asked(Cancelled):
    """Somebody asked the search to pause or to stop."""


def search(
    model: str,
    limits: Sequence[str],
    *,
    minutes: float = 10.0,
    training: Training = "none",
    families: Sequence[str] = (),
    seed: int = 0,
    trials: int | None = None,
    executor: Executor | None = None,
    store: Store | None = None,
    progress: Progress = silent,
    on_change: OnChange = lambda search: None,
) -> Result:
    """Find the best recipe that holds every limit.

    Args:
        model: id of a sample model, or of one that was added.
        limits: "size=500KB", "shipped=400KB", "latency=5ms", "fps=30", "memory=20MB", "macs=10M", "accuracy=90%",
            "accuracy_drop=1"; an amount with x behind it is a share of the original's, as in "size=0.25x".
        minutes: the time allowance; the last score, on the test set, comes on top.
        training: none; quick: up to 4 epochs a recipe; thorough: up to 13.
        families: of techniques that may be used; all by default.
        trials: end after so many recipes were looked at, whatever the time.
        executor: who measures; this process by default. Where there are several cores, the command line and the pages
            pass `Processes` (edgekit/jobs/processes.py), which gets through half as many trials again on two cores.
        on_change: called after each trial.

    Raises:
        EdgeKitError: what is wrong with what was asked for; or what stopped the search, which can then be resumed.
    """
    store = store or Store.open()
    begun = begin(
        model, limits, minutes=minutes, training=training, families=families, seed=seed, trials=trials, store=store
    )
    return carry_on(begun.id, executor=executor, store=store, progress=progress, on_change=on_change)


def carry_on(
    id: str,
    *,
    executor: Executor | None = None,
    store: Store | None = None,
    progress: Progress = silent,
    on_change: OnChange = lambda search: None,
) -> Result:
    """Work on a search where it stands, until it ends or somebody stops it. Finished trials are not done again.

    Raises:
        StoreError: there is no such search, or another process works on it.
        Cancelled: `progress` raised it; the search is paused.
    """
    store = store or Store.open()
    kept = load(id, store)
    if kept.status == "running":
        raise StoreError(f"search {id} is at work. Wait until it ends, or stop it.")
    if kept.status in ("done", "stopped") and not kept.seconds_left:
        return result(kept, store)
    return _Loop(kept, store, executor, progress, on_change).run()


class _Loop:
    """One stretch of work on a search."""

    def __init__(
        self, search: Search, store: Store, executor: Executor | None, progress: Progress, on_change: OnChange
    ):
        self.search, self.store, self.progress, self.on_change = search, store, progress, on_change
        self.executor = executor or Local(store, self._inside)
        self.began, self.before = time.monotonic(), search.spent
        self.looked_at, self.in_hand = 0.0, ""
        self.confirming = False

    def run(self) -> Result:
        search, store = self.search, self.store
        search.status, search.error = "running", ""
        search.save(store)
        store.ask_search(search.id, "")
        try:
            self._measure_until_over()
            search.status = "done"
        except _Asked as asked:
            search.status = "stopped" if str(asked) == "stop" else "paused"
        except BaseException as error:
            search.status = "paused" if isinstance(error, Cancelled | KeyboardInterrupt) else "failed"
            search.error = str(error) if isinstance(error, EdgeKitError) else ""
            self._keep()
            raise
        if search.status != "paused":
            self._confirm()
        self._keep()
        self.progress(1.0, search.status)
        return result(search, store)

    def _measure_until_over(self) -> None:
        model = load_model(self.search.model)
        data = load_data(model.data)
        earlier = [run for run in self.store.summaries(model.id, split=None, limit=MOST_EARLIER) if run.recipe]
        first = first_recipes(Space.of(model, self.search.families or FAMILIES), earlier, self.store)
        few = look_samples(len(data.validation), bool(model.task.decoding))
        board = Board.of(self.search, model, few, self._first(first), self.store)
        waiting: dict[Future[Run], tuple[Ask, float]] = {}
        try:
            while True:
                board.workers = self.executor.workers
                while len(waiting) < board.workers + self.executor.ahead and self.search.seconds_left:
                    self._look_up()
                    ask = next_ask(board)
                    if ask is None:
                        break
                    board.ask(ask.steps, ask.whole)
                    self.in_hand = _in_words(ask, len(self.search.tried))
                    started = time.monotonic()
                    waiting[self.executor.submit(self._trial(ask, few))] = (ask, started)
                if not waiting:
                    return
                for future in wait(waiting, LOOK_AGAIN_SECONDS, FIRST_COMPLETED).done:
                    self._tell(board, *waiting.pop(future), future)
                self._look_up()
        except _TimeOver:
            return
        finally:
            for future in waiting:
                future.cancel()

    def _first(self, found: list) -> list:
        """What it began with: the same when it goes on, though more runs are in the store by then."""
        if not self.search.began_with and found:
            self.search.began_with = found
        return self.search.began_with

    def _trial(self, ask: Ask, few: int | None) -> Trial:
        limited = {limit.partition("=")[0] for limit in self.search.limits}
        depth = Depth.LOOK if not ask.whole else Depth.ALL if limited & NEEDS_ALL else Depth.POINT
        return Trial(
            model=self.search.model,
            recipe=ask.steps,
            samples=None if ask.whole else few,
            gates=ask.gates,
            seed=self.search.seed,
            depth=depth,
        )

    def _tell(self, board: Board, ask: Ask, started: float, future: Future[Run]) -> None:
        """Take in what came of a trial. One that failed is kept with its reason, and not tried again."""
        run, error = None, ""
        try:
            run = future.result()
        except Exception as failed:
            error = str(failed) or type(failed).__name__
        took = time.monotonic() - started
        whole = ask.whole and (run is None or "latency_ms" in run.measurements)
        tried = Tried(steps=ask.steps, whole=whole, why=ask.why, run=run.id if run else "", error=error, seconds=took)
        board.tell(tried, run)
        self._count_time()
        if whole:
            self.search.covered.append((round(self.search.spent, 2), round(board.covered(), 6)))
            best = winner(board.points, board.wishes)
            self.search.winner = best.run if best else ""
        self._keep()

    def _confirm(self) -> None:
        """Score the winner on the test set: once, and only it."""
        best: Seen | None = result(self.search, self.store).winner
        if best is None:
            return
        self.confirming = True
        self.in_hand = "scoring the winner on the test set"
        trial = Trial(model=self.search.model, recipe=best.steps, split="test", seed=self.search.seed, depth=Depth.ALL)
        scored = self.executor.submit(trial)
        while not wait([scored], LOOK_AGAIN_SECONDS).done:
            self._look_up()
        self.search.winner, self.search.confirmed = best.run, scored.result().id

    def _inside(self, fraction: float, what: str) -> None:
        """The progress of a trial that is measured in this process."""
        self._look_up(f"{self.in_hand}: {what}")

    def _look_up(self, what: str = "") -> None:
        """Tell how far it is, and stop where the time is over or somebody asked for it."""
        self._count_time()
        done = CONFIRMING * min(1.0, self.search.spent / (60 * self.search.minutes))
        self.progress(CONFIRMING if self.confirming else done, what or self.executor.notice or self.in_hand)
        if self.confirming:
            return
        if not self.search.seconds_left:
            raise _TimeOver("the time is over")
        if time.monotonic() - self.looked_at > LOOK_AGAIN_SECONDS:
            self.looked_at = time.monotonic()
            if asked := self.store.get_search(self.search.id).asked:
                raise _Asked(asked)

    def _count_time(self) -> None:
        if not self.confirming:
            self.search.spent = self.before + time.monotonic() - self.began

    def _keep(self) -> None:
        self.search.save(self.store)
        self.on_change(self.search)


def _in_words(ask: Ask, number: int) -> str:
    names = " → ".join(next(iter(step)) for step in ask.steps) or "the original"
    return f"trial {number + 1}, {names}"
