"""What the store knows, as points for the charts: the newest of each recipe, and latency only from this machine."""

import functools
import json
from collections.abc import Iterable

from edgekit.core.measurement import QUALITIES, Measurement, Origin
from edgekit.core.run import Run
from edgekit.show import words
from edgekit.show.charts import Point
from edgekit.show.spelling import spelled
from edgekit.store.rows import Summary

MOST = 10_000  # newest runs that a chart looks through
KEPT = 4 * MOST  # one too few, and each would be forgotten just before its turn comes again

OF_THE_HOST = ("latency_ms", "peak_memory_bytes")
AXES = (*QUALITIES, "size_bytes", *OF_THE_HOST)


def points(summaries: Iterable[Summary], host: str, keep: str | None = None) -> list[Point]:
    """One point a recipe.

    Args:
        summaries: finished runs of one model on the same samples, the newest first.
        host: id of this machine; what another one timed has no place on the latency axis.
        keep: id of a run to show even if its recipe was measured again since.
    """
    found: dict[str, Summary] = {}
    for one in summaries:
        recipe = _sorted(one.recipe_json)
        if recipe not in found or one.id == keep:
            found[recipe] = one
    return [_point(one, host) for one in found.values()]


def on_boards(run: Run) -> list[Point]:
    """A run's file as real devices timed it: points named after their boards."""
    return [
        Point(run.id, f"{one.board}: {one.runtime}", run.recipe, run.measurements | {"latency_ms": one.latency})
        for one in run.boards
    ]


def find(points: Iterable[Point], recipe: list[dict]) -> str | None:
    """The id of the run that has measured this recipe."""
    return next((point.id for point in points if point.recipe == recipe), None)


@functools.lru_cache(KEPT)
def _sorted(recipe: str) -> str:
    """The same text for the same recipe, in whatever order its settings were written."""
    return json.dumps(json.loads(recipe), sort_keys=True)


@functools.lru_cache(KEPT)
def _point(one: Summary, host: str) -> Point:
    """Made once, not each time that the page is drawn."""
    return Point(one.id, one.name or words.recipe(spelled(one.recipe)), one.recipe, _measurements(one, host))


def _measurements(one: Summary, host: str) -> dict[str, Measurement]:
    axes = [axis for axis in AXES if axis in one.metrics and (axis not in OF_THE_HOST or one.host == host)]
    return {
        axis: Measurement(metric=axis, origin=Origin.MEASURED, device=one.host, **one.metrics[axis]._asdict())
        for axis in axes
    }
