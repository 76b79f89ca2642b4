"""How a recipe is spelled: short, as the store keeps it, or with the number that matters most, as people read it.

Both need the techniques, which load torch; until somebody has loaded them (a server does, behind its first page),
recipes stay as they are.
"""

import functools
from typing import Any

from edgekit.core.knobs import knobs
from edgekit.registry import techniques

Steps = list[dict[str, dict[str, Any]]]


def canonical(recipe: Steps) -> Steps:
    """Without settings at their defaults: two recipes that do the same are then equal."""
    if not _loaded():
        return recipe
    from edgekit.recipe import Recipe

    return Recipe.parse(recipe).to_list()


def spelled(recipe: Steps) -> Steps:
    """With the first setting of each step, if it is a number, even at its default: "prune channels (sparsity 0.5)"."""
    if not _loaded():
        return recipe
    return [
        {name: (_amount(techniques()[name]) if name in techniques() else {}) | settings}
        for step in recipe
        for name, settings in step.items()
    ]


def _loaded() -> bool:
    """Whether the techniques are there already, so that using them costs a page no time."""
    return techniques.cache_info().currsize > 0


@functools.cache  # charts spell thousands of recipes, of twenty techniques
def _amount(kind: Any) -> dict[str, Any]:
    """The first setting of a technique, at its default, if it is a number."""
    first = next(iter(knobs(kind)), None)
    if first is None or first.kind not in ("int", "float") or first.knob.advanced:
        return {}
    return {first.name: first.default}
