"""Running recipes for benchmarks, and the lines that their tables hold."""

from collections.abc import Sequence

from edgekit.core.run import Run
from edgekit.models.samples import load
from edgekit.pipeline import compress
from edgekit.recipe import Recipe
from edgekit.store.store import Store
from tests.benchmarks.table import line


def ran(store: Store, model_id: str, *steps: str, seed: int = 0, each_step: bool = False) -> Run:
    """The measured run of a recipe given as words; found again where the store has it."""
    return compress(load(model_id), Recipe.parse(list(steps)), store=store, seed=seed, each_step=each_step)


def lost(one: Run, most: float | None) -> dict:
    """Points of accuracy lost against the uncompressed network, on the full test set, paired."""
    return row(one, "points lost", -100 * one.comparison.accuracy_difference.value, most)


def row(one: Run, what: str, value: float, limit: float | None, **more) -> dict:
    """A line of the table; `limit` is the most that `value` may be, None where nothing is promised."""
    return line(f"{one.model}, {words(one.recipe)}: {what}", value, limit, **more)


def words(recipe: Sequence[dict]) -> str:
    """A recipe on one line."""
    return " + ".join(_words(step) for step in recipe)


def _words(step: dict) -> str:
    ((name, settings),) = step.items()
    return " ".join([name, *(f"{key}={value}" for key, value in settings.items())])
