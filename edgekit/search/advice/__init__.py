"""What a person should know about a run, and what to try next: one file a rule, each a sentence with live numbers.

A rule is a file without an underscore in front. It holds `advice(case)`, which returns an Advice, or None where it has
nothing to say. A recipe that it offers works on every model that the run's own recipe worked on.
"""

import functools
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import replace

from edgekit.core.budget import Budget
from edgekit.core.run import Run, Status
from edgekit.search.advice._case import TONES, Advice, Case

__all__ = ["Advice", "advise"]


def advise(run: Run, baseline: Run, budget: Budget | None = None) -> list[Advice]:
    """All that the rules say of a finished run: explanations first, then reassurance, then what to try.

    Args:
        baseline: the uncompressed network of the same model; may be `run` itself.
        budget: what the person can afford; the default one if not given.
    """
    if run.status is not Status.DONE:
        return []
    case = Case(run, baseline, budget or Budget())
    found = [replace(one, id=name) for name, rule in _rules().items() if (one := rule(case))]
    if not case.labelled:
        found = [one for one in found if not _trains(one.recipe or [])]
    return _each_recipe_once(sorted(found, key=lambda one: TONES.index(one.tone)))


def _trains(recipe: list[dict]) -> bool:
    from edgekit.core.technique import Fact
    from edgekit.recipe import Recipe

    return any(Fact.TRAINING_DATA in step.needs for step in Recipe.parse(recipe).steps)


@functools.cache
def _rules() -> dict[str, Callable[[Case], Advice | None]]:
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    return {name: importlib.import_module(f"{__name__}.{name}").advice for name in names}


def _each_recipe_once(found: list[Advice]) -> list[Advice]:
    """The cards without those that only offer, as something to try, what a card before them offers already."""
    kept: list[Advice] = []
    for one in found:
        if one.tone != "next" or one.recipe not in [other.recipe for other in kept]:
            kept.append(one)
    return kept
