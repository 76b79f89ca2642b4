"""The one place where pages start work: what a click measures, compresses, explores or downloads becomes a job here."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.core.errors import Cancelled, EdgeKitError, ModelError
from edgekit.core.progress import Progress, part
from edgekit.core.run import Run
from edgekit.data.catalog import entry
from edgekit.jobs.apart import apart
from edgekit.jobs.jobs import Job, jobs
from edgekit.measure.fusion import FusionRow, fusion_latencies
from edgekit.measure.whole import Whole
from edgekit.models import by_name
from edgekit.search.ghost_record import remember
from edgekit.store.store import Store

if TYPE_CHECKING:
    from edgekit.measure.layer_values import LayerOutputs
    from edgekit.measure.profile import Profile
    from edgekit.search.calibration_curve import Calibrated
    from edgekit.search.sweep import Swept

LARGE = 20_000_000  # bytes of a file that is added in a process of its own, which takes seconds to start
LOOKED_AT = 64  # validation samples that every layer is looked at with
ORIGINAL, OURS = "Original", "This file"


@dataclass(frozen=True)
class Wish:
    """A point that a person wants on the chart.

    Attributes:
        recipe: steps as YAML would hold them; empty for the network as it is.
        samples: of the test set; None for all.
        each_step: also measure the file after every step.
    """

    model: str
    recipe: list[dict[str, Any]]
    samples: int | None = None
    each_step: bool = False

    @property
    def key(self) -> str:
        """The same for the same wish."""
        return json.dumps([self.model, self.recipe, self.samples, self.each_step], sort_keys=True)


@dataclass
class Measuring:
    """A wish that is being worked on. `points` gets the run as soon as its point is known, before the job ends."""

    key: str
    job: str
    points: list[Run] = field(default_factory=list)


def measure(wish: Wish, store: Store, session: str) -> Measuring:
    """Live: compress without training and measure, ahead of long jobs. Replaces this tab's measurement before it."""
    points: list[Run] = []
    work = _compress(wish, store, points.append, keep_cancelled=False)
    job = jobs().submit("Measuring", work, session=session, short=True, slot="live")
    return Measuring(wish.key, job.id, points)


def compress(wish: Wish, store: Store, session: str) -> Job:
    """Compress with training, as a long job; the same wish twice is one job."""
    run_id = store.new_id()
    work = _compress(wish, store, run_id=run_id)
    return jobs().submit("Compressing", work, session=session, short=False, key=wish.key, run=run_id)


def explore(model: str, recipes: list[list[dict]], samples: int | None, store: Store, session: str) -> Job:
    """Measure many recipes, one after the other; those that cannot work are kept as failed and passed over."""

    def work(progress: Progress) -> int:
        done = 0
        for number, recipe in enumerate(recipes):
            here = part(progress, number / len(recipes), (number + 1) / len(recipes))
            told = _numbered(here, number + 1, len(recipes))
            try:
                _compress(Wish(model, recipe, samples), store)(told)
                done += 1
            except Cancelled:
                raise
            except EdgeKitError:  # kept in the store as a failed run, with its reason
                continue
        return done

    key = json.dumps(["explore", model, recipes, samples])
    return jobs().submit("Exploring", work, session=session, short=False, key=key)


def race(wishes: list[Wish], store: Store, session: str) -> Job:
    """Measure several recipes to look at side by side; the result is the list of their runs' ids."""

    def work(progress: Progress) -> list[str]:
        ids = []
        for number, wish in enumerate(wishes):
            here = part(progress, number / len(wishes), (number + 1) / len(wishes))
            ids.append(_compress(wish, store)(_numbered(here, number + 1, len(wishes))).id)
        return ids

    return jobs().submit("Comparing", work, session=session, key=json.dumps(["race", *(wish.key for wish in wishes)]))


def add_model(path: Path | str, data: str | None, architecture: str, session: str) -> Job:
    """Take an uploaded file, or a network by its name, among the models; the result is its id.

    The folder that a file came in is deleted. A large one, and one by name, is worked on in a process of its own, so
    that the server does not grow by several times its size.
    """

    def work(progress: Progress) -> str:
        from edgekit.library import add

        try:
            if isinstance(path, str) and not by_name.is_name(path):
                raise ModelError(f"a name must begin with torchvision:, timm: or hf:; it is '{path}'.")
            if isinstance(path, str) or path.stat().st_size > LARGE:
                words = ["models", "add", str(path), "--architecture", architecture]
                words += ["--data", data] if data else []
                return apart(words, progress)["id"]
            return add(path, data, architecture=architecture, progress=progress)
        finally:
            if isinstance(path, Path):
                shutil.rmtree(path.parent, ignore_errors=True)

    return jobs().submit(f"Adding {Path(path).name}", work, session=session)


def feed_otherwise(name: str, title: str, scaling: str, session: str) -> Job:
    """Take an upload anew with its samples scaled in another way; the result is its new id."""

    def work(progress: Progress) -> str:
        from edgekit.library import feed_otherwise

        return feed_otherwise(name, scaling, progress)

    return jobs().submit(f"Feeding {title} otherwise", work, session=session, key=f"feed-{name}")


def add_data(path: Path, session: str, **how: Any) -> Job:
    """Take an uploaded file among the data sets; the result is its id. The folder that it came in is deleted."""

    def work(progress: Progress) -> str:
        from edgekit.data.bring import add

        try:
            return add(path, progress=progress, **how)
        finally:
            shutil.rmtree(path.parent, ignore_errors=True)

    return jobs().submit(f"Adding {path.name}", work, session=session)


def time_fusion(path: Path, session: str) -> Job:
    """Time a file with and without operator fusion; the result is one row a level. Replaces the one before it."""

    def work(progress: Progress) -> list[FusionRow]:
        return fusion_latencies(path, progress=progress)

    return jobs().submit("Timing fusion", work, session=session, short=True, slot="fusion")


def time_whole(path: Path, run: Run, store: Store, session: str) -> Job:
    """Time the way from an encoded sample to its answer with the original and with a run's file, by their names."""

    def work(progress: Progress) -> dict[str, Whole]:
        from edgekit.data.splits import load as data
        from edgekit.library import load
        from edgekit.measure.whole import whole_latencies

        files = {} if run.baseline is None else {ORIGINAL: store.file(store.get(run.baseline).artifact.sha256)}
        files |= {OURS if files else ORIGINAL: path}
        found = whole_latencies(list(files.values()), load(run.model), data(run.data).evaluation, progress)
        return dict(zip(files, found, strict=True))

    return jobs().submit("Timing the whole way", work, session=session, short=True, slot="whole")


def look_into(path: Path, run: Run, store: Store, session: str) -> Job:
    """Compare what the layers of the original and of a run's file put out on validation samples."""

    def work(progress: Progress) -> list[LayerOutputs]:
        from edgekit.data.splits import load as data
        from edgekit.library import card
        from edgekit.measure.layer_values import layer_outputs

        samples = data(run.data).validation.take(LOOKED_AT)
        base = store.file(store.get(run.baseline).artifact.sha256)
        return layer_outputs(base, path, card(run.model).preprocessing(samples.raw), progress)

    return jobs().submit("Looking into every layer", work, session=session, short=True, slot="layer_outputs")


def profile_layers(path: Path, run: Run, store: Store, session: str) -> Job:
    """Profile the original and a run's file; the result is one profile by the name of each."""

    def work(progress: Progress) -> dict[str, Profile]:
        from edgekit.measure.profile import profile

        base = store.file(store.get(run.baseline).artifact.sha256)
        return {
            ORIGINAL: profile(base, progress=part(progress, 0, 0.5)),
            OURS: profile(path, progress=part(progress, 0.5, 1)),
        }

    return jobs().submit("Timing every layer", work, session=session, short=True, slot="layer_times")


def calibrate(path: Path, run: Run, store: Store, session: str) -> Job:
    """Measure a run's recipe with more and fewer calibration samples; the result is one point a number.

    Args:
        path: of the run's file, which is only what the result belongs to.
    """

    def work(progress: Progress) -> list[Calibrated]:
        from edgekit.search.calibration_curve import calibration_curve

        whole = run.samples >= entry(run.data).evaluation
        return calibration_curve(run, store, None if whole else run.samples, progress)

    key = json.dumps(["calibrate", run.model, run.recipe, run.samples])
    return jobs().submit("Calibrating", work, session=session, key=key)


def preview(model: str, title: str, store: Store, session: str) -> Job:
    """Measure what every slider position does, for the previews of a model that came without; kept in the store."""

    def work(progress: Progress) -> None:
        from edgekit.library import load
        from edgekit.search.sensitivity import keep, measure_table

        keep(measure_table(load(model), progress), store)

    return jobs().submit(f"Measuring previews of {title}", work, session=session, key=f"preview-{model}")


def measure_layers(model: str, title: str, axes: list[str], store: Store, session: str) -> Job:
    """Measure what each layer can bear; every row is kept as it is done, and the same map twice is one job."""

    def work(progress: Progress) -> None:
        from edgekit.library import load
        from edgekit.search.layer_sensitivity import chosen_samples, measure_layers

        loaded = load(model)
        measure_layers(loaded, store, chosen_samples(loaded.data), axes, progress)

    key = json.dumps(["layers", model, axes])
    return jobs().submit(f"Measuring the layers of {title}", work, session=session, key=key)


def search(id: str, title: str, store: Store, session: str) -> Job:
    """Carry on a search where it stands; the result is its id. The same one twice is one job."""

    def work(progress: Progress) -> str:
        from edgekit.jobs.executors import workers_for
        from edgekit.search.autopilot.search import carry_on

        with workers_for(store) as executor:
            return carry_on(id, executor=executor, store=store, progress=progress).search.id

    return jobs().submit(f"Searching for {title}", work, session=session, key=f"search-{id}")


def sweep(model: str, grid: str, samples: int | None, store: Store, session: str) -> Job:
    """Measure every point of a grid; the result says of each what became of it. The same one twice is one job."""

    def work(progress: Progress) -> list[Swept]:
        from edgekit.jobs.executors import workers_for
        from edgekit.search.sweep import sweep

        with workers_for(store) as executor:
            return sweep(model, grid, samples=samples, executor=executor, store=store, progress=progress)

    return jobs().submit("Sweeping", work, session=session, key=json.dumps(["sweep", model, grid, samples]))


def pull(data: str, title: str, session: str) -> Job:
    """Fetch a data set; the same one twice is one job."""

    def work(progress: Progress) -> str:
        from edgekit.data.download import pull

        pull(data, progress)
        return data

    return jobs().submit(f"Downloading {title}", work, session=session, short=False, key=f"pull-{data}")


def build(name: str, title: str, session: str) -> Job:
    """Train a sample model that is built on request, in a process of its own; the same one twice is one job."""

    def work(progress: Progress) -> str:
        return apart(["models", "build", name], progress)["id"]

    return jobs().submit(building(title), work, session=session, short=False, key=f"build-{name}")


def export(run: str, to: str, title: str, precision: str, session: str) -> Job:
    """Export a run and check what comes out, in a process of its own; the result is the folder that it is kept in."""
    from edgekit.export.exporting import place

    out = place(run, to, precision)

    def work(progress: Progress) -> str:
        apart(["export", run, "--to", to, "--precision", precision, "--out", str(out)], progress)
        return str(out)

    return jobs().submit(f"Exporting to {title}", work, session=session, key=f"export-{out}")


def set_up(name: str, session: str) -> Job:
    """Build the environment that a format's tools live in; the same one twice is one job."""
    from edgekit.export.formats import format_of

    kind = format_of(name)
    return jobs().submit(f"Setting up {kind.title}", kind.tools().build, session=session, key=f"setup-{name}")


def rank(run: str, session: str) -> Job:
    """Run a file in all runtimes that are here, in a process of its own."""

    def work(progress: Progress) -> str:
        return apart(["fastest", run], progress)["run"]

    return jobs().submit("Finding the fastest", work, session=session, key=f"fastest-{run}")


def building(title: str) -> str:
    """What the job is called that builds a model."""
    return f"Building {title}"


def _compress(
    wish: Wish,
    store: Store,
    on_point: Callable[[Run], None] = lambda run: None,
    keep_cancelled: bool = True,
    run_id: str | None = None,
) -> Callable[[Progress], Run]:
    def work(progress: Progress) -> Run:
        progress(0.0, "loading the libraries")
        from edgekit.library import load
        from edgekit.pipeline import compress
        from edgekit.recipe import Recipe

        recipe = Recipe.parse(wish.recipe)
        run = compress(
            load(wish.model), recipe, store=store, samples=wish.samples, each_step=wish.each_step,
            progress=progress, on_point=on_point, keep_cancelled=keep_cancelled, run_id=run_id,
        )  # fmt: skip
        return remember(run, store)

    return work


def _numbered(progress: Progress, number: int, total: int) -> Progress:
    return lambda fraction, what: progress(fraction, f"recipe {number} of {total}, {what}")
