"""Model + recipe → run: the whole story. Check, compress, write the file, measure that file, keep both.

Every number of a run comes from the one file that the run keeps. The point (accuracy, counted size, latency) is saved
and given to `on_point` as soon as it is known; memory and shipped size follow in a second save. A file that was made
before is not made again: scored on other samples, or measured deeper, it is the same file.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.artifacts.ports import named_as
from edgekit.artifacts.read import layers
from edgekit.artifacts.write import write
from edgekit.core.artifact import Artifact
from edgekit.core.bench import Bench
from edgekit.core.errors import Cancelled, EdgeKitError
from edgekit.core.host import this_host
from edgekit.core.measurement import Measurement
from edgekit.core.model import Model
from edgekit.core.progress import Progress, part, silent
from edgekit.core.run import Depth, Run, Scored, Status, Step
from edgekit.core.versions import versions
from edgekit.data.feed import bench as data_bench
from edgekit.data.splits import Dataset, Samples, load
from edgekit.measure.agreement import check_export
from edgekit.measure.candidates import Candidates
from edgekit.measure.lock import yielding
from edgekit.measure.outputs import outputs
from edgekit.measure.point import Base, later, point
from edgekit.models.samples import cards
from edgekit.prefixes import SHARED, WORTH_KEEPING, Known, Prefixes
from edgekit.recipe import Compressed, Recipe, exported
from edgekit.store.store import Store, owner

if TYPE_CHECKING:
    from torch import nn


def compress(
    model: Model,
    recipe: Recipe,
    *,
    store: Store | None = None,
    samples: int | None = None,
    split: Scored = "test",
    depth: Depth = Depth.ALL,
    seed: int = 0,
    each_step: bool = False,
    progress: Progress = silent,
    on_point: Callable[[Run], None] = lambda run: None,
    fresh: bool = False,
    keep_cancelled: bool = True,
    run_id: str | None = None,
) -> Run:
    """Compress a model, measure the file that comes out, and keep both.

    Args:
        store: where runs and files are kept; the person's own by default.
        samples: how many samples of the split to score; the whole of it by default.
        split: "test", or "validation" for those who choose among recipes and so must not see the test set.
        depth: how much is measured; a run that is in the store already is measured deeper if need be.
        each_step: also write and measure the file after every step.
        progress: told how far it is; what it raises stops the work and leaves the run as cancelled.
        on_point: called once accuracy, size and latency are known and saved.
        fresh: compress and measure again even where the store holds the very same run.
        keep_cancelled: whether a cancelled run stays in the store; a slider that moved on is nothing to remember.
        run_id: from `store.new_id()`, for those who want to look at the run while it is made.

    Raises:
        RecipeError: before anything slow, with all problems of the recipe at once.
        EdgeKitError: what went wrong later; the run is kept as failed with the same words.
    """
    recipe.check(model)
    store = store or Store.open()
    dataset = load(model.data)
    evaluation = _scored(dataset, split, samples)
    fingerprint = _fingerprint(model, recipe, dataset, evaluation, seed)
    with store.alone(fingerprint, progress):  # another process that makes this very run is waited for
        known = None if fresh else store.find(fingerprint)
        if known and depth.met_by(known) and (known.steps or not each_step):
            return known
        base = None
        if recipe.steps:
            beginning = part(progress, 0, 0.1)
            base = baseline(model, store=store, samples=samples, split=split, depth=depth, progress=beginning)
        deeper = known if known and not each_step else None
        run = deeper or Run(
            id=run_id or store.new_id(),
            model=model.id,
            model_sha256=model.sha256,
            data=model.data,
            split=split,
            samples=len(evaluation),
            recipe=recipe.to_list(),
            fingerprint=fingerprint,
            made=_made(model, recipe, dataset, seed),
            seed=seed,
            owner=owner(),
            machine=this_host().model_dump(mode="json") | {"name": platform.node()},
            versions=versions(),
            baseline=base.id if base else None,
        )
        with _kept(run, store, keep_cancelled):
            progress = yielding(part(progress, 0.1, 1))
            prefixes = None if fresh or each_step else SHARED
            work = _Work(model, recipe, dataset, evaluation, store, base, seed, prefixes, depth, progress)
            alike = None if fresh or each_step else deeper or store.find_made(run.made)
            if alike:
                run.artifact, run.changes, run.curve = alike.artifact, alike.changes, alike.curve
                run.making_seconds = alike.making_seconds
                _measure(run, work, [], on_point)
            else:
                _measure(run, work, _make(run, work, each_step), on_point)
            if each_step and recipe.steps:
                run.steps.append(_step(len(recipe.steps), recipe, run.artifact, run.measurements))
                store.save(run)
            progress(1.0, "done")
        return run


def baseline(
    model: Model,
    *,
    store: Store,
    samples: int | None = None,
    split: Scored = "test",
    depth: Depth = Depth.ALL,
    progress: Progress = silent,
) -> Run:
    """The uncompressed network as a run: measured once for a model, data, host and versions, then found again."""
    return compress(model, Recipe(), store=store, samples=samples, split=split, depth=depth, progress=progress)


def measure_file(path: Path, model: Model, samples: int | None = None, progress: Progress = silent) -> dict:
    """Everything that can be measured of a file by itself: metric -> Measurement.

    Args:
        model: tells which data the file is for, and how its inputs are prepared.
    """
    evaluation = load(model.data).evaluation
    evaluation = evaluation if samples is None else evaluation.take(samples)
    found = point(path, model, evaluation, None, part(progress, 0, 0.8)).measurements | later(
        path, part(progress, 0.8, 1)
    )
    progress(1.0, "done")
    return found


@dataclass(frozen=True)
class _Work:
    """What all parts of one compression share."""

    model: Model
    recipe: Recipe
    dataset: Dataset
    evaluation: Samples
    store: Store
    base: Run | None
    seed: int
    prefixes: Prefixes | None
    depth: Depth
    progress: Progress

    def key(self, number: int) -> str:
        """That of the state after so many steps, which depends on the samples that are trained and calibrated on."""
        done = Recipe(self.recipe.steps[:number])
        return _fingerprint(self.model, done, self.dataset, self.dataset.training, self.seed)

    def known(self) -> tuple[int, Known | None]:
        """How many of the steps need not be taken again, and the state after them."""
        if not self.prefixes:  # none to look in, or nothing in it: the key reads all training samples once
            return 0, None
        for number in range(len(self.recipe.steps), 0, -1):
            if found := self.prefixes.find(self.key(number)):
                return number, found
        return 0, None

    def bench(self, progress: Progress, on_epoch: Callable[[dict[str, Any]], None]) -> Bench:
        """What techniques may use: nothing of it reaches the test set."""
        return data_bench(
            self.model,
            self.dataset,
            host=this_host(),
            candidates=Candidates(self.model, self.dataset.validation),
            on_epoch=on_epoch,
            progress=progress,
            seed=self.seed,
        )

    def write(self, state: Compressed) -> Artifact:
        """The file of a state, kept in the store."""
        parent = self.base.artifact.sha256 if self.base else None
        graph = state.graph if self.model.graph is None else named_as(state.graph, self.model.graph)
        with tempfile.TemporaryDirectory() as folder:
            file = write(graph, state.encodings, Path(folder), self.recipe.fingerprint, parent)
            return file.model_copy(update={"path": self.store.add_file(Path(file.path)).path})

    def against(self) -> Base | None:
        """The baseline with its outputs; made again if the store emptied its cache."""
        if self.base is None:
            return None
        path = self.store.file(self.base.artifact.sha256)
        found = self.store.array(
            self.evaluation.outputs_key(self.base.artifact.sha256),
            lambda: outputs(path, self.evaluation, self.model.preprocessing),
        )
        return Base(path, self.base.measurements, found)


def _make(run: Run, work: _Work, each_step: bool) -> list[nn.Module]:
    """Compress and write the file; into `run` comes what became of the network, and back the last of it in torch."""
    started = time.perf_counter()
    applying = part(work.progress, 0, 0.6)
    last, networks = len(work.recipe.steps), []
    done, known = work.known()
    if known:
        started -= known.seconds  # a run took what it would take alone
        networks, run.curve = [known.state.network] if known.state.network else [], known.state.curve

    def on_epoch(point: dict[str, Any]) -> None:  # a page that watches draws the curve while it grows
        run.curve = [*run.curve, point]
        work.store.save(run)

    bench = work.bench(applying, on_epoch)

    def after_step(number: int, state: Compressed) -> None:
        nonlocal began
        if state.network is not None:
            networks[:] = [state.network]
        if work.prefixes is not None and time.perf_counter() - began > WORTH_KEEPING:
            work.prefixes.keep(work.key(number), Known(state, time.perf_counter() - started))
        if each_step and number < last:
            file = work.write(exported(state, bench.example))
            path = work.store.file(file.sha256)
            found = point(path, work.model, work.evaluation, work.against()).measurements
            run.steps.append(_step(number, work.recipe, file, found | later(path)))
        began = time.perf_counter()

    began = time.perf_counter()
    state = work.recipe.apply(work.model, bench, after_step, (done, known.state) if known else None)
    run.artifact, run.changes, run.curve = work.write(state), state.changes, state.curve
    run.making_seconds = time.perf_counter() - started
    return networks


def _measure(run: Run, work: _Work, networks: list[nn.Module], on_point: Callable[[Run], None]) -> None:
    """Measure the file of a run as deep as asked, first the point, then the rest."""
    started = time.perf_counter() - run.making_seconds
    path, key = work.store.file(run.artifact.sha256), work.evaluation.outputs_key(run.artifact.sha256)
    timed, known = work.depth is not Depth.LOOK, work.store.get_array(key)
    found = point(path, work.model, work.evaluation, work.against(), part(work.progress, 0.6, 1), timed, known)
    run.measurements, run.baseline_measurements = found.measurements, found.baseline_measurements
    run.confusion, run.comparison, run.disagreements = found.confusion, found.comparison, found.disagreements
    run.layers = layers(path)
    run.status, run.seconds = Status.DONE, time.perf_counter() - started
    if known is None:
        work.store.put_array(key, found.outputs)
    work.store.save(run)
    on_point(run)
    if timed:
        for network in networks:
            check_export(network, work.model, work.dataset.validation)
    if work.depth is Depth.ALL:
        run.measurements = run.measurements | later(path)  # never cancelled: what is drawn gets all its numbers
        run.seconds = time.perf_counter() - started
        work.store.save(run)


def _step(number: int, recipe: Recipe, file: Artifact, found: dict[str, Measurement]) -> Step:
    return Step(index=number, technique=recipe.steps[number - 1].id(), artifact=file, measurements=found)


def _scored(dataset: Dataset, split: Scored, samples: int | None) -> Samples:
    whole = dataset.validation if split == "validation" else dataset.evaluation
    return whole if samples is None else _taken(whole, samples)


@functools.lru_cache(maxsize=16)
def _taken(whole: Samples, samples: int) -> Samples:
    return whole.take(samples)


def _made(model: Model, recipe: Recipe, dataset: Dataset, seed: int) -> str:
    """Of everything that decides which bytes the file has. The data set's name stands for its samples."""
    return _hash(model, recipe, dataset, model.data, seed)


def _fingerprint(model: Model, recipe: Recipe, dataset: Dataset, samples: Samples, seed: int) -> str:
    return _hash(model, recipe, dataset, samples.key, seed)


def _hash(model: Model, recipe: Recipe, dataset: Dataset, which: str, seed: int) -> str:
    """More training samples, once the whole data set is fetched, make another run of the same recipe; so does a teacher
    that was trained again."""
    parts = [model.sha256, recipe.fingerprint, len(dataset.training), which, seed, versions(), this_host().id]
    parts += [cards()[name].sha256 for step in recipe.steps for name in step.asks if name in cards()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


@contextlib.contextmanager
def _kept(run: Run, store: Store, keep_cancelled: bool) -> Iterator[None]:
    """Whatever becomes of a run is written down: done, failed with the reason, or cancelled."""
    store.save(run)
    try:
        yield
    except Cancelled:
        if run.status is not Status.DONE:  # once its point is drawn, a run is never taken back
            run.status = Status.CANCELLED
            store.save(run)
            if not keep_cancelled:
                store.delete(run.id)
        raise
    except Exception as error:
        words = str(error) if isinstance(error, EdgeKitError) else f"EdgeKit broke ({type(error).__name__}: {error})."
        run.status, run.error = Status.FAILED, words
        store.save(run)
        raise
