"""How far ghosts were off: each run keeps what was predicted of it, and the misses of many are summed up."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgekit.core.measurement import Measurement, quality
from edgekit.core.run import Run, Status
from edgekit.search.ghost import predict
from edgekit.search.sliders import PRUNINGS, QUANTIZATIONS
from edgekit.store.store import Store

Steps = list[dict]


@dataclass(frozen=True)
class Record:
    """Predicted against measured, over some runs.

    Attributes:
        runs: how many there are.
        quality: the mean distance, a fraction; None where no prediction told it.
        latency: the mean distance, as a share of what was measured.
        inside: how many runs lay within all their bands.
    """

    runs: int
    quality: float | None
    latency: float | None
    inside: int


def remember(run: Run, store: Store) -> Run:
    """Keep with a finished run what its ghost was, if its recipe has one."""
    if run.predicted or run.status is not Status.DONE or run.baseline is None:
        return run
    found = predict(run.model, as_sliders_spell(run.recipe), store.get(run.baseline), store)
    if found:
        run.predicted = found
        store.save(run)
    return run


def as_sliders_spell(recipe: Steps) -> Steps:
    """The same steps with the settings that a slider writes out, also where they are at their defaults."""
    from edgekit.recipe import Recipe  # here, since pages that show a record are painted without torch

    return [inner for step in recipe for inner in _spellings().get(Recipe.parse([step]).fingerprint, [step])]


def record(runs: Iterable[Run]) -> Record | None:
    """How far the predictions of these runs were off; None where none of them had any."""
    pairs = [(run.predicted, run.measurements) for run in runs if run.predicted and run.status is Status.DONE]
    if not pairs:
        return None
    good = [(one, after) for before, after in pairs if (one := quality(before)) and one.metric in after]
    fast = [
        (before["latency_ms"], after) for before, after in pairs if "latency_ms" in before and "latency_ms" in after
    ]
    return Record(
        runs=len(pairs),
        quality=_mean([abs(one.value - after[one.metric].value) for one, after in good]),
        latency=_mean([abs(one.value / after["latency_ms"].value - 1) for one, after in fast]),
        inside=sum(_holds(before, after) for before, after in pairs),
    )


@functools.cache
def _spellings() -> dict[str, Steps]:
    """Fingerprint -> how a slider spells it."""
    from edgekit.recipe import Recipe

    return {Recipe.parse(half).fingerprint: half for half in [*PRUNINGS, *QUANTIZATIONS]}


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _holds(predicted: dict[str, Measurement], measured: dict[str, Measurement]) -> bool:
    """Whether every prediction's band holds what was measured."""
    return all(one.low <= measured[name].value <= one.high for name, one in predicted.items() if name in measured)
