"""A plain grid: every combination of the settings that are written down, each measured on the test set.

    prune_channels.sparsity=0.1:0.8:0.1 × quantize_weights.bits=2,4,8

A step is a technique; its settings have values one by one, or from:to:step with both ends. Parts are joined by ×, *
or a lone x, and become steps in the order in which their techniques come; a technique alone, as in
"× quantize_static", is a step that is always there.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass
from typing import Any

from edgekit.core.errors import EdgeKitError, SettingError, unknown
from edgekit.core.knobs import knobs, parse
from edgekit.core.progress import Progress, silent
from edgekit.core.run import Depth, Run
from edgekit.recipe import Recipe
from edgekit.registry import technique
from edgekit.search.executor import Executor, Local, Trial
from edgekit.store.store import Store

MOST = 2000  # points of one grid
EXAMPLE = "prune_channels.sparsity=0.1:0.8:0.1 × quantize_weights.bits=2,4,8"


@dataclass(frozen=True)
class Swept:
    """One point of a grid: its run, or why there is none."""

    recipe: list[dict[str, dict[str, Any]]]
    run: Run | None
    error: str = ""


def grid(text: str) -> list[list[dict[str, dict[str, Any]]]]:
    """All recipes of a grid, the last setting changing fastest, as YAML would hold them.

    Raises:
        SettingError: a setting that does not exist, values that are none or out of range, or too many points.
        RecipeError: a technique that does not exist.
    """
    axes = [_axis(part) for part in re.split(r"\s*[×*]\s*|\s+x\s+", text.strip())]
    count = math.prod(len(values) for _, _, values in axes)
    if count > MOST:
        raise SettingError(f"a grid must have at most {MOST:,} points; this has {count:,}. Take fewer values.")
    recipes = []
    for values in itertools.product(*(values for _, _, values in axes)):
        steps: dict[str, dict[str, Any]] = {}
        for (name, knob, _), value in zip(axes, values, strict=True):
            steps.setdefault(name, {}).update({knob: value} if knob else {})
        recipes.append(Recipe.parse([{name: settings} for name, settings in steps.items()]).to_list())
    return recipes


def sweep(
    model: str,
    text: str,
    *,
    samples: int | None = None,
    seed: int = 0,
    executor: Executor | None = None,
    store: Store | None = None,
    progress: Progress = silent,
    on_point: Callable[[Swept], None] = lambda swept: None,
) -> list[Swept]:
    """Measure every point of a grid; those that cannot work are passed over with their reason.

    Args:
        text: the grid; see the module docstring.
        samples: of the test set; all by default.
        executor: who measures; this process by default.
        on_point: called after each point.

    Returns:
        One for each point, in the order of the grid.
    """
    recipes, told = grid(text), ""
    done: dict[int, Swept] = {}

    def tell(fraction: float = 0.0, what: str = "") -> None:
        progress((len(done) + fraction) / len(recipes), f"{told or len(done)} of {len(recipes)}{what and ': ' + what}")

    executor, waiting = executor or Local(store, tell), {}
    left = iter(enumerate(recipes))
    while len(done) < len(recipes):
        for number, recipe in itertools.islice(left, executor.workers - len(waiting)):
            told = str(number + 1)
            trial = Trial(model=model, recipe=recipe, samples=samples, split="test", seed=seed, depth=Depth.ALL)
            waiting[executor.submit(trial)] = number, recipe
        for future in wait(waiting, 1.0, FIRST_COMPLETED).done:
            number, recipe = waiting.pop(future)
            error = future.exception()
            if error is not None and not isinstance(error, EdgeKitError):
                raise error
            done[number] = Swept(recipe, None if error else future.result(), str(error or ""))
            on_point(done[number])
        tell(what=executor.notice)
    return [done[number] for number in range(len(recipes))]


def _axis(part: str) -> tuple[str, str, list[Any]]:
    """(technique, setting, values) of one part of a grid; no setting and one value for a technique alone."""
    where, equals, values = (word.strip() for word in part.partition("="))
    name, _, knob = where.partition(".")
    if not name or bool(knob) != bool(equals) or (equals and not values):
        raise SettingError(
            f"a part of a grid must be a technique, a setting and its values, as in {EXAMPLE}; not '{part}'."
        )
    kind = technique(name)
    if not knob:
        return name, "", [None]
    known = {view.name for view in knobs(kind)}
    if knob not in known:
        raise SettingError(f"{kind.title}: {unknown('setting', knob, known)}")
    texts = _range(values, part) if ":" in values else [value.strip() for value in values.split(",")]
    return name, knob, [parse(kind, {knob: text})[knob] for text in texts]


def _range(values: str, part: str) -> list[str]:
    """from:to:step as numbers in words, with both ends."""
    try:
        start, end, step = (float(word) for word in values.split(":"))
    except ValueError:
        raise SettingError(
            f"a range must be from:to:step, such as 0.1:0.8:0.1, not '{values}' (in '{part}')."
        ) from None
    if step <= 0 or end < start:
        raise SettingError(
            f"a range must rise from its start to its end by steps above 0, not '{values}' (in '{part}')."
        )
    count = math.floor((end - start) / step + 1e-9) + 1
    if count > MOST:
        raise SettingError(f"a range must have at most {MOST:,} values; '{values}' has {count:,}.")
    return [f"{start + step * number:.9g}" for number in range(count)]
