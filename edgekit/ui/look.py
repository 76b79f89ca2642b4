"""What the Workbench looks at: the points of a model, the network they came from, and the run that is selected."""

from dataclasses import dataclass, replace

from edgekit.core.budget import Limit
from edgekit.core.errors import StoreError
from edgekit.core.host import this_host
from edgekit.core.run import Run, Status
from edgekit.data.catalog import entry
from edgekit.show import points as chart_points
from edgekit.show.charts import Point
from edgekit.store.store import Store
from edgekit.ui import state
from edgekit.ui.header import Choice

MOST_ELSEWHERE = 40  # newest points whose files are opened to tell what they would take on another device


@dataclass(frozen=True)
class View:
    """All that is drawn beside and below the controls; `run` and `baseline` are None before the first measurement."""

    points: list[Point]
    baseline: Run | None
    run: Run | None


def points(choice: Choice, store: Store) -> list[Point]:
    """The finished runs of the chosen model on the chosen number of test samples."""
    found = store.summaries(choice.model, samples(choice), limit=chart_points.MOST)
    return chart_points.points(found, this_host().id, keep=state.selected())


def view(choice: Choice, points: list[Point], store: Store) -> View:
    """The points with the run that the address names, if it is one of this model; else the network itself."""
    base = chart_points.find(points, [])
    baseline = store.get(base) if base else None
    return View(points, baseline, _selected(choice, store) or baseline)


def elsewhere(view: View, limit: Limit, store: Store) -> list[Point]:
    """The newest points, the selected one and the original with the latency on a device: estimated, or its board's."""
    from edgekit.devices.foreseen import foreseen

    always = {run.id for run in (view.run, view.baseline) if run}
    near = {p.id: p for n, p in enumerate(view.points) if n < MOST_ELSEWHERE or p.id in always}
    found = []
    for run in store.list(ids=list(near), limit=len(near)):
        if known := foreseen(run, [limit]).get(limit.key):
            there = near[run.id].measurements | {limit.metric: known}
            found.append(replace(near[run.id], measurements=there))
    return found


def samples(choice: Choice) -> int:
    """How many test samples score a point."""
    whole = entry(choice.card.data).evaluation
    return min(choice.samples or whole, whole)


def _selected(choice: Choice, store: Store) -> Run | None:
    wanted = state.selected()
    if wanted is None:
        return None
    try:
        run = store.get(wanted)
    except StoreError:  # deleted since, or a link to somebody else's store: the page shows the network itself
        return None
    return run if run.model == choice.model and run.status is Status.DONE else None
