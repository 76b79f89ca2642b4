"""A search as a row of the store: what was asked for, what was tried in which order, and what came of it.

It is saved after each trial, so whatever stops the process, the search goes on with the trial that was in hand.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field

from edgekit.core.errors import SettingError, unknown
from edgekit.core.technique import FAMILIES
from edgekit.library import card
from edgekit.search.limits import parse_all
from edgekit.store.owner import owner
from edgekit.store.searches import SearchRow
from edgekit.store.store import Store

Steps = list[dict[str, dict[str, Any]]]
Training = Literal["none", "quick", "thorough"]
SearchStatus = Literal["running", "paused", "interrupted", "stopped", "done", "failed"]


class Tried(BaseModel, frozen=True):
    """One trial that has ended.

    Attributes:
        whole: scored on all validation samples and timed, not only looked at.
        why: what made the search try it.
        run: id of its run; empty where it failed.
        error: why it failed.
        seconds: how long it took here; next to nothing where the store knew the run.
    """

    steps: Steps
    whole: bool
    why: str
    run: str = ""
    error: str = ""
    seconds: float = 0.0


class Search(BaseModel):
    """See the module docstring.

    Attributes:
        limits: as `Wish.parse` reads them.
        families: of techniques that may be used; all with an empty list.
        trials: at most so many looks, whatever the time; None for no such end.
        spent: seconds at work so far, without pauses.
        began_with: the recipes that it starts from, chosen when it began.
        covered: (seconds, share of the box of hypervolume that the frontier covered) after each point.
        winner, confirmed: ids of the runs of the best recipe, on validation samples and on the test set.
    """

    id: str
    model: str
    limits: list[str]
    minutes: float = Field(gt=0)
    training: Training = "none"
    families: list[str] = Field(default_factory=list)
    seed: int = 0
    trials: int | None = None
    created: float = Field(default_factory=time.time)
    status: SearchStatus = "running"
    spent: float = 0.0
    began_with: list[Steps] = Field(default_factory=list)
    tried: list[Tried] = Field(default_factory=list)
    covered: list[tuple[float, float]] = Field(default_factory=list)
    winner: str = ""
    confirmed: str = ""
    error: str = ""

    @property
    def looks(self) -> int:
        """How many recipes were looked at, and not timed at once."""
        return sum(not tried.whole and tried.why != "promoted" for tried in self.tried)

    @property
    def seconds_left(self) -> float:
        """Of the time allowance."""
        return max(0.0, 60 * self.minutes - self.spent)

    @property
    def can_go_on(self) -> bool:
        """Whether there is something to resume."""
        return self.status in ("paused", "interrupted", "failed")

    def save(self, store: Store) -> None:
        """Keep it as it is now."""
        body = self.model_dump_json()
        store.save_search(SearchRow(self.id, self.created, self.model, self.status, owner(), "", body))


def begin(
    model: str,
    limits: Sequence[str],
    *,
    minutes: float = 10.0,
    training: Training = "none",
    families: Sequence[str] = (),
    seed: int = 0,
    trials: int | None = None,
    store: Store,
) -> Search:
    """A search as it will be carried on: checked, kept, and not yet at work.

    Raises:
        SettingError: limits, minutes, training or families that cannot be; all that is wrong with the limits at once.
        ModelError: there is no such model.
    """
    card(model)
    if not limits:
        raise SettingError("a search needs at least one limit, such as accuracy_drop=1 or size=500KB.")
    wishes = parse_all(limits)
    if not 0 < minutes < math.inf:
        raise SettingError(f"minutes must be above 0, not {minutes:g}.")
    if training not in get_args(Training):
        raise SettingError(f"training must be one of {', '.join(get_args(Training))}, not '{training}'.")
    if wrong := [unknown("family", family, FAMILIES) for family in families if family not in FAMILIES]:
        raise SettingError("\n".join(wrong))
    found = Search(
        id=store.new_id(), model=model, limits=[str(wish) for wish in wishes], minutes=minutes, training=training,
        families=list(families), seed=seed, trials=trials, status="paused",
    )  # fmt: skip
    found.save(store)
    return found


def load(id: str, store: Store) -> Search:
    """A search from the store; one whose process was killed is interrupted."""
    store.interrupt_dead_searches()
    return _of(store.get_search(id))


def latest(store: Store, model: str | None = None, limit: int = 20) -> list[Search]:
    """The latest searches, the newest first."""
    store.interrupt_dead_searches()
    return [_of(row) for row in store.list_searches(model, limit)]


def _of(row: SearchRow) -> Search:
    return Search.model_validate_json(row.body).model_copy(update={"status": row.status})
