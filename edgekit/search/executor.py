"""Who measures a trial of a search: this process, one after the other, or machines elsewhere. One interface for all.

`edgekit.search` proposes trials and is told their runs; where they are measured makes no difference to it.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Self

from pydantic import BaseModel

from edgekit.core.progress import Progress, silent
from edgekit.core.run import Depth, Run, Scored
from edgekit.store.store import Store

NOT_WANTED = "nobody waits for this trial any more"  # what stops one that was taken back


class Gate(BaseModel, frozen=True):
    """What a trial must show before more is measured of it.

    Attributes:
        samples: how many of the split are scored for it; all of them with None.
        to_beat: more than this must be gained beside the uncompressed network, a fraction of quality; where a part is
            scored, by the upper end of the interval.
    """

    samples: int | None
    to_beat: float

    def holds_back(self, run: Run) -> bool:
        """Whether the run of so many samples shows too little."""
        gain = run.comparison.accuracy_difference if run.comparison else None
        return gain is not None and (gain.value if self.samples is None else gain.high) <= self.to_beat


class Trial(BaseModel, frozen=True):
    """A recipe to be measured. The same trial is measured once; asked again, its run comes from the store.

    Attributes:
        recipe: steps as YAML would hold them.
        samples: how many samples of the split to score; all of them with None.
        gates: scored first, one after the other; the run of one that holds it back is all that comes of the trial.
        split: "validation" to choose by, "test" to confirm what was chosen.
        depth: how much is measured; see Depth.
    """

    model: str
    recipe: list[dict[str, dict[str, Any]]]
    samples: int | None = None
    gates: tuple[Gate, ...] = ()
    split: Scored = "validation"
    seed: int = 0
    depth: Depth = Depth.POINT


class Executor(ABC):
    """Takes trials, and gives their runs back when they are done. Closed at the end of a `with`."""

    @abstractmethod
    def submit(self, trial: Trial) -> Future[Run]:
        """Measure a trial, now or soon. What goes wrong, an EdgeKitError mostly, is raised by the future."""

    @property
    @abstractmethod
    def workers(self) -> int:
        """How many trials it works on at a time."""

    @property
    def ahead(self) -> int:
        """How many more are worth proposing early, so that no worker waits while the next trial is thought of."""
        return 0

    @property
    def notice(self) -> str:
        """What a person should know about where trials are measured just now; empty if all is as it should be."""
        return ""

    def close(self) -> None:
        """Let go of what it holds; trials that wait are not begun any more."""
        return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class Local(Executor):
    """This process, one trial after the other: `submit` returns when the trial is done.

    Args:
        store: where runs are kept; the person's own by default.
        progress: told how far the trial is; what it raises goes through `submit`, so that a person's Cancel is theirs.
    """

    def __init__(self, store: Store | None = None, progress: Progress = silent):
        self._store, self._progress = store, progress

    @property
    def workers(self) -> int:
        return 1

    def submit(self, trial: Trial) -> Future[Run]:
        """Measure a trial before it returns."""
        done: Future[Run] = Future()
        stopped: list[BaseException] = []

        def progress(fraction: float, what: str) -> None:
            try:
                self._progress(fraction, what)
            except BaseException as error:
                stopped.append(error)
                raise

        try:
            done.set_result(measured(trial, self._store, progress))
        except Exception as error:
            if stopped:
                raise
            done.set_exception(error)
        return done


def measured(trial: Trial, store: Store | None = None, progress: Progress = silent) -> Run:
    """The run of a trial, measured here unless the store has it: what every executor does in the end."""
    from edgekit.library import load  # heavy imports wait until a trial needs them: most who submit one do no more
    from edgekit.pipeline import compress
    from edgekit.recipe import Recipe

    def scored(samples: int | None, depth: Depth) -> Run:
        return compress(
            load(trial.model),
            Recipe.parse(copy.deepcopy(trial.recipe)),
            store=store,
            samples=samples,
            split=trial.split,
            depth=depth,
            seed=trial.seed,
            progress=progress,
            keep_cancelled=False,
        )

    return through_gates(trial, scored)


def through_gates(trial: Trial, scored: Callable[[int | None, Depth], Run]) -> Run:
    """What comes of a trial: its run, or that of the first gate that holds it back.

    Args:
        scored: measures so many samples, so deep.
    """
    for gate in trial.gates:
        run = scored(gate.samples, Depth.LOOK)
        if gate.holds_back(run):
            return run
    return scored(trial.samples, trial.depth)
