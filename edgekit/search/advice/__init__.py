"""What a person should know about a run, and what to try next: one file a rule, each a sentence with live numbers.

A rule is a file without an underscore in front. It holds `advice(case)`, which returns an Advice, or None where it has
nothing to say. A recipe that it offers works on every model that the run's own recipe worked on, and betters the
metrics that the advice promises: tests/search/test_advice_keeps_its_word.py applies each and measures them.
"""

import functools
import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import replace

from edgekit.core.budget import Budget
from edgekit.core.run import Run, Status
from edgekit.library import cards
from edgekit.search.advice._case import TONES, Advice, Case
from edgekit.store.rows import Summary
from edgekit.store.store import Store

__all__ = ["Advice", "advise", "baseline", "beside", "rules"]

MOST = 2000  # newest runs that rules look through


def advise(run: Run, baseline: Run, budget: Budget | None = None, runs: Sequence[Summary] = ()) -> list[Advice]:
    """All that the rules say of a finished run: explanations first, then reassurance, then what to try.

    Args:
        baseline: the uncompressed network of the same model; may be `run` itself.
        budget: what the person can afford; the default one if not given.
        runs: what can be compared with it, from `beside`.
    """
    if run.status is not Status.DONE:
        return []
    case = Case(run, baseline, budget or Budget(), runs)
    found = [replace(one, id=name) for name, rule in rules().items() if (one := rule(case))]
    if not case.labelled:
        found = [one for one in found if not _trains(one.recipe or [])]
    return _each_recipe_once(sorted(found, key=lambda one: TONES.index(one.tone)))


def baseline(run: Run, store: Store) -> Run:
    """The uncompressed network that a run is compared with; it itself, where nothing was done to it.

    Raises:
        StoreError: it was deleted.
    """
    return store.get(run.baseline) if run.baseline else run


def beside(run: Run, store: Store) -> list[Summary]:
    """The newest finished runs that can be compared with a run: on the same test samples, timed on the same machine."""
    on_the_data = {name for name, card in cards().items() if card.data == run.data}
    host = str(run.machine.get("id", ""))
    return [
        one for one in store.summaries(samples=run.samples, limit=MOST) if one.model in on_the_data and one.host == host
    ]


@functools.cache
def rules() -> dict[str, Callable[[Case], Advice | None]]:
    """The rules by the names of their files."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    return {name: importlib.import_module(f"{__name__}.{name}").advice for name in names}


def _trains(recipe: list[dict]) -> bool:
    from edgekit.core.technique import Fact
    from edgekit.recipe import Recipe

    return any(Fact.TRAINING_DATA in step.needs for step in Recipe.parse(recipe).steps)


def _each_recipe_once(found: list[Advice]) -> list[Advice]:
    """The cards without those that only offer, as something to try, what a card before them offers already."""
    kept: list[Advice] = []
    for one in found:
        offered = [(other.model, other.recipe) for other in kept]
        if one.tone != "next" or one.budget is not None or (one.model, one.recipe) not in offered:
            kept.append(one)
    return kept
