"""Model + recipe → run: the whole story. Check, compress, write the file, measure that file, keep it.

Every number of a run comes from the one file that the run keeps. The point (accuracy, counted size, latency) is given
to `on_point` and saved as soon as it is known; memory and shipped size follow in a second save.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from edgekit.artifacts.export import export
from edgekit.artifacts.read import layers
from edgekit.artifacts.write import write
from edgekit.core.artifact import Artifact
from edgekit.core.bench import Bench
from edgekit.core.errors import Cancelled, EdgeKitError, MeasureError
from edgekit.core.measurement import Measurement
from edgekit.core.model import Model
from edgekit.core.progress import Progress, part, silent
from edgekit.core.run import Comparison, Run, Status, Step
from edgekit.data.feed import bench as data_bench
from edgekit.data.splits import Dataset, Samples, load
from edgekit.devices.host import this_host
from edgekit.measure.accuracy import accuracy, confusion, disagreements
from edgekit.measure.latency import Timing, time_one, time_pair
from edgekit.measure.lock import yielding
from edgekit.measure.memory import peak_memory
from edgekit.measure.outputs import outputs
from edgekit.measure.size import counted, shipped
from edgekit.measure.statistics import mcnemar, paired_difference
from edgekit.recipe import Compressed, Recipe, exported
from edgekit.store.store import Store, owner

CHECKED_SAMPLES = 512
ALLOWED_DISAGREEMENT = 0.005


def compress(
    model: Model,
    recipe: Recipe,
    *,
    store: Store | None = None,
    samples: int | None = None,
    seed: int = 0,
    each_step: bool = False,
    progress: Progress = silent,
    on_point: Callable[[Run], None] = lambda run: None,
    fresh: bool = False,
) -> Run:
    """Compress a model, measure the file that comes out, and keep both.

    Args:
        store: where runs and files are kept; the user's own by default.
        samples: how many samples of the test set to score; the whole of it by default.
        each_step: also write and measure the file after every step.
        progress: told how far it is; what it raises stops the work and leaves the run as cancelled.
        on_point: called once accuracy, size and latency are known and saved.
        fresh: measure again even where the store holds the very same run.

    Raises:
        RecipeError: before anything slow, with all problems of the recipe at once.
        EdgeKitError: what went wrong later; the run is kept as failed with the same words.
    """
    recipe.check(model)
    store = store or Store.open()
    dataset = load(model.data)
    evaluation = dataset.evaluation if samples is None else dataset.evaluation.take(samples)
    fingerprint = _fingerprint(model, recipe, evaluation, seed)
    if not fresh and (known := store.find(fingerprint)) and (known.steps or not each_step):
        return known
    base = None
    if recipe.steps:
        base = baseline(model, store=store, samples=samples, progress=part(progress, 0, 0.1))
    run = Run(
        id=store.new_id(), model=model.id, model_sha256=model.sha256, data=model.data, samples=len(evaluation),
        recipe=recipe.to_list(), fingerprint=fingerprint, seed=seed, owner=owner(),
        machine=this_host().model_dump(mode="json"), versions=versions(), baseline=base.id if base else None,
    )  # fmt: skip
    with _kept(run, store):
        job = _Job(model, dataset, evaluation, store, base, seed, yielding(part(progress, 0.1 if base else 0, 1)))
        _work(run, recipe, job, each_step, on_point)
    return run


def baseline(model: Model, *, store: Store, samples: int | None = None, progress: Progress = silent) -> Run:
    """The uncompressed network as a run: measured once for a model, data, host and versions, then found again."""
    return compress(model, Recipe(), store=store, samples=samples, progress=progress)


def measure_file(path: Path, model: Model, *, samples: int | None = None, progress: Progress = silent) -> dict:
    """Everything that can be measured of a file by itself, by metric; `model` tells its data and preprocessing."""
    evaluation = load(model.data).evaluation
    evaluation = evaluation if samples is None else evaluation.take(samples)
    answers = outputs(path, evaluation, model.preprocessing, part(progress, 0, 0.6))
    timing = time_one(path, progress=part(progress, 0.6, 0.9))
    found = {"accuracy": _accuracy(model, answers, evaluation)} | _latency(timing) | counted(path) | _slow_facts(path)
    progress(1.0, "done")
    return found


@functools.cache
def versions() -> dict[str, str]:
    """Of everything that can change a number."""
    return {
        name: importlib.metadata.version(name) for name in ("torch", "onnx", "onnxruntime", "torch-pruning", "numpy")
    }


@dataclass(frozen=True)
class _Job:
    """What all parts of one compression share."""

    model: Model
    dataset: Dataset
    evaluation: Samples
    store: Store
    base: Run | None
    seed: int
    progress: Progress

    def bench(self, progress: Progress) -> Bench:
        return data_bench(
            self.model, self.dataset, host=this_host(), score=self.score, progress=progress, seed=self.seed
        )

    def score(self, candidate: Any) -> float:
        """Accuracy of a network or graph on validation data, through the same export and runtime as the point."""
        example = self.model.preprocessing(self.dataset.validation.pixels[:1])
        graph = candidate if isinstance(candidate, onnx.ModelProto) else export(candidate, example)
        with tempfile.TemporaryDirectory() as folder:
            artifact = write(graph, {}, Path(folder), "", None)
            answers = outputs(Path(artifact.path), self.dataset.validation, self.model.preprocessing)
        return float(self.model.task.scores(answers, self.dataset.validation.labels).mean())


def _work(run: Run, recipe: Recipe, job: _Job, each_step: bool, on_point: Callable[[Run], None]) -> None:
    started = time.perf_counter()
    applying, measuring = part(job.progress, 0, 0.6), part(job.progress, 0.6, 1)
    bench = job.bench(applying)
    networks = []  # the last network there was, to check its export by

    def after_step(number: int, state: Compressed) -> None:
        if state.network is not None:
            networks[:] = [state.network]
        if each_step and number < len(recipe.steps):
            run.steps.append(_step(number, recipe, exported(state, bench.example), job))

    state = recipe.apply(job.model, bench, after_step)
    run.artifact = _write(state, recipe, job)
    run.changes, run.curve = state.changes, state.curve
    answers = _measure_point(run, job, measuring)
    run.layers = layers(Path(run.artifact.path))
    run.seconds = time.perf_counter() - started
    run.status = Status.DONE
    job.store.put_array(_answers_key(run.artifact, job.evaluation), answers)
    job.store.save(run)
    on_point(run)
    for network in networks:
        _check_export(network, job)
    run.measurements |= _slow_facts(Path(run.artifact.path))
    if each_step and recipe.steps:
        run.steps.append(
            Step(
                index=len(recipe.steps),
                technique=recipe.steps[-1].id(),
                artifact=run.artifact,
                measurements=run.measurements,
            )  # fmt: skip
        )
    run.seconds = time.perf_counter() - started
    job.store.save(run)
    job.progress(1.0, "done")


def _measure_point(run: Run, job: _Job, progress: Progress) -> np.ndarray:
    """Fill in what makes a point of a run, and return the file's outputs on the evaluation samples."""
    path, labels, task = Path(run.artifact.path), job.evaluation.labels, job.model.task
    answers = outputs(path, job.evaluation, job.model.preprocessing, part(progress, 0, 0.6))  # (n, classes)
    run.confusion = confusion(task.answers(answers), labels, len(job.model.labels))
    found = {"accuracy": _accuracy(job.model, answers, job.evaluation)} | counted(path)
    if job.base is None:
        run.measurements = found | _latency(time_one(path, progress=part(progress, 0.6, 1)))
        return answers
    base_path = job.store.file(job.base.artifact.sha256)
    timing = time_pair(path, base_path, progress=part(progress, 0.6, 1))
    before = job.store.get_array(_answers_key(job.base.artifact, job.evaluation))
    if before is None:  # the cache was emptied; the file is still there
        before = outputs(base_path, job.evaluation, job.model.preprocessing)
    run.measurements = found | _latency(timing)
    run.baseline_measurements = job.base.measurements | {
        "latency_ms": timing.baseline_latency_ms,
        "latency_p95_ms": timing.baseline_latency_p95_ms,
    }
    run.disagreements = disagreements(before, answers, labels, task)
    before_scores, scores = task.scores(before, labels), task.scores(answers, labels)
    run.comparison = Comparison(
        latency_ratio=timing.ratio,
        speed=timing.speed,
        size_ratio=run.artifact.bytes / job.base.artifact.bytes,
        accuracy_difference=paired_difference(before_scores, scores),
        p_value=mcnemar(before_scores, scores),
    )
    return answers


def _step(number: int, recipe: Recipe, state: Compressed, job: _Job) -> Step:
    artifact = _write(state, recipe, job)
    path = Path(artifact.path)
    answers = outputs(path, job.evaluation, job.model.preprocessing)
    timing = time_pair(path, job.store.file(job.base.artifact.sha256))
    found = {"accuracy": _accuracy(job.model, answers, job.evaluation)} | counted(path)
    found |= _latency(timing) | _slow_facts(path)
    return Step(index=number, technique=recipe.steps[number - 1].id(), artifact=artifact, measurements=found)


def _write(state: Compressed, recipe: Recipe, job: _Job) -> Artifact:
    parent = job.base.artifact.sha256 if job.base else None
    with tempfile.TemporaryDirectory() as folder:
        written = write(state.graph, state.encodings, Path(folder), recipe.fingerprint, parent)
        kept = job.store.add_file(Path(written.path))
    return written.model_copy(update={"path": kept.path})


def _accuracy(model: Model, answers: np.ndarray, evaluation: Samples) -> Measurement:
    scores = model.task.scores(answers, evaluation.labels)
    return accuracy(scores, f"{len(evaluation):,} test samples of {evaluation.data}")


def _latency(timing: Timing) -> dict[str, Measurement]:
    return {"latency_ms": timing.latency_ms, "latency_p95_ms": timing.latency_p95_ms}


def _slow_facts(path: Path) -> dict[str, Measurement]:
    return {"peak_memory_bytes": peak_memory(path), "shipped_bytes": shipped(path)}


_checked: set[str] = set()


def _check_export(network: Any, job: _Job) -> None:
    """Torch and the float file must give the same answers; tried once for each structure."""
    structure = hashlib.sha256((job.model.sha256 + repr(network)).encode()).hexdigest()
    if structure in _checked:
        return
    import torch

    samples = job.dataset.validation.take(CHECKED_SAMPLES)
    inputs = job.model.preprocessing(samples.pixels)
    with torch.no_grad():
        wanted = network.eval()(torch.from_numpy(inputs)).numpy()
    with tempfile.TemporaryDirectory() as folder:
        file = write(export(network, inputs[:1]), {}, Path(folder), "", None)
        got = outputs(Path(file.path), samples, job.model.preprocessing)
    differing = float((job.model.task.answers(wanted) != job.model.task.answers(got)).mean())
    if differing > ALLOWED_DISAGREEMENT:
        raise MeasureError(
            f"the exported file must answer as the network does; {differing:.1%} of {len(samples)} answers differ. "
            "This is a fault of the exporter: please report the model and the recipe."
        )
    _checked.add(structure)


def _answers_key(artifact: Artifact, evaluation: Samples) -> str:
    return f"{artifact.sha256}-{evaluation.key}"


def _fingerprint(model: Model, recipe: Recipe, evaluation: Samples, seed: int) -> str:
    parts = [model.sha256, recipe.fingerprint, evaluation.key, seed, versions(), this_host().id]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


@contextlib.contextmanager
def _kept(run: Run, store: Store) -> Iterator[None]:
    """Whatever happens to a run is written down: done, failed with the reason, or cancelled."""
    store.save(run)
    try:
        yield
    except Cancelled:
        run.status = Status.CANCELLED
        store.save(run)
        raise
    except EdgeKitError as error:
        run.status, run.error = Status.FAILED, str(error)
        store.save(run)
        raise
    except Exception as error:
        run.status, run.error = Status.FAILED, f"Something broke inside EdgeKit ({type(error).__name__})."
        store.save(run)
        raise
