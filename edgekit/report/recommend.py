"""Which of several runs to recommend: the one that a search would call its winner."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.core.budget import Budget
from edgekit.core.errors import StoreError
from edgekit.core.run import Run, Status
from edgekit.search.autopilot.result import nearest_misses, winner
from edgekit.search.autopilot.seen import Seen
from edgekit.search.limits import Wish


def recommended(runs: Sequence[Run], budget: Budget) -> Run:
    """Of those that hold the budget the best, by the rule of `search.autopilot.result.winner`; else the nearest miss.

    Raises:
        StoreError: there is no run, one of them has not finished, or they are of different models or samples.
    """
    check(runs)
    wishes = [
        Wish(name="size", amount=budget.size_bytes),
        Wish(name="latency", amount=budget.latency_ms),
        Wish(name="accuracy_drop", amount=budget.accuracy_drop),
    ]
    if there := budget.there:
        wishes.append(Wish(name="latency", amount=there.worst, device=there.device))
    seen = [Seen.of(run, True, wishes) for run in runs]
    best = winner(seen, wishes) or next(iter(nearest_misses(seen)), seen[0])
    return next(run for run in runs if run.id == best.run)


def check(runs: Sequence[Run]) -> None:
    """Whether these runs can stand in one report.

    Raises:
        StoreError: see `recommended`.
    """
    if not runs:
        raise StoreError("a report needs at least one finished run; `python -m edgekit runs` lists them.")
    for run in runs:
        if run.status is not Status.DONE:
            raise StoreError(f"a report is of finished runs; {run.id} is {run.status}. {run.error}".strip())
    if len({(run.model, run.data, run.split, run.samples) for run in runs}) > 1:
        models = ", ".join(f"{run.id} ({run.model}, {run.samples:,} {run.split} samples)" for run in runs)
        raise StoreError(f"the runs of a report must be of one model, scored on the same samples; these are: {models}.")
