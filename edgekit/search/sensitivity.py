"""What each slider position does by itself, measured once per model: the ground that ghosts stand on.

For every pruning and every quantization that the sliders offer: quality on validation data and the share of
multiply-accumulates left in each layer. For every pair: the exact size of the file. For float and INT8: time per layer.
How far "the two losses add up" is off is measured on a few pairs and kept as `logit_error`. What does not work on a
model, such as pruning where it came as a graph alone, is left out.

`python -m edgekit sensitivity MODEL` measures a table, as the Workbench does on request. Some sample models come with
theirs, beside the card; other tables are kept in the store.
"""

from __future__ import annotations

import copy
import functools
import json
import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel

from edgekit.core.errors import Cancelled, EdgeKitError, NothingToDo
from edgekit.core.files import sample_models, written_whole
from edgekit.core.progress import Progress, each, part, silent
from edgekit.core.versions import versions
from edgekit.search.sliders import PRUNINGS, QUANTIZATIONS

if TYPE_CHECKING:
    from edgekit.core.bench import Bench
    from edgekit.core.model import Model
    from edgekit.recipe import Compressed
    from edgekit.store.store import Store

CHECKED_PAIRS = 12
INT8 = {"quantize_static": {}}
Steps = list[dict]


class Sensitivity(BaseModel, frozen=True):
    """A measured table. Keys are `key(steps)`; qualities are fractions, means over `samples` validation samples.

    Attributes:
        metric: what `quality` is, of core.measurement.QUALITIES: the model's task tells.
        quality: of each pruning and each quantization alone, and of "[]", the network as it is.
        size_bytes: of the file of each pruning with each quantization.
        macs_left: pruning -> layer -> share of multiply-accumulates left; layers at 1 are left out.
        latency_ratio: quantization alone / float, median on the machine that measured.
        layer_ms: "float" and "int8" -> layer (or "the rest") -> milliseconds of the network as it is.
        logit_error: root mean square error of adding two losses, on the logit scale.
    """

    model_sha256: str
    samples: int
    versions: dict[str, str]
    machine: str
    metric: str
    quality: dict[str, float]
    size_bytes: dict[str, int]
    macs_left: dict[str, dict[str, float]]
    latency_ratio: dict[str, float]
    layer_ms: dict[str, dict[str, float]]
    logit_error: float


def key(steps: Steps) -> str:
    """The name of a list of steps in a table."""
    return json.dumps(steps, sort_keys=True)


def logit(quality: float, samples: int) -> float:
    """log(p / (1 − p)), with half a sample added on each side so that 0 and 1 stay finite.

    A quality below 0, as an R² may be, counts as 0: such a network is no use however far below it is.
    """
    p = (min(max(quality, 0.0), 1.0) * samples + 0.5) / (samples + 1)
    return math.log(p / (1 - p))


def table_path(model_id: str) -> Path:
    """Where the table of a sample model lies, if it came with one."""
    return sample_models() / model_id / "sensitivity.json"


def known_table(model_id: str, model_sha256: str, store: Store | None) -> Sensitivity | None:
    """The table that came with a model, or else the one that was measured here; None if there is neither."""
    came = _came_with(table_path(model_id))
    if came is not None and came.model_sha256 == model_sha256:
        return came
    text = store.table(_stored(model_sha256)) if store else None
    return None if text is None else _parsed(text)


def save(table: Sensitivity, path: Path) -> None:
    """Write a table, whole or not at all."""
    with written_whole(path) as file:
        file.write(json.dumps(table.model_dump(), indent=1, sort_keys=True).encode())


def keep(table: Sensitivity, store: Store) -> None:
    """Keep a table in the store, by the sha256 of its model."""
    store.put_table(_stored(table.model_sha256), table.model_dump_json())


def put_away(table: Sensitivity, model_id: str, store: Store) -> str:
    """Keep a table beside the card of a sample model, or in the store that of an upload; returns where."""
    path = table_path(model_id)
    if not path.parent.is_dir():
        keep(table, store)
        return "the store"
    save(table, path)
    return str(path)


def measure_table(model: Model, progress: Progress = silent) -> Sensitivity:
    """Try every slider position on validation data. Takes minutes; Cancel stops it between two files."""
    from edgekit.core.host import this_host
    from edgekit.measure.latency import time_pair
    from edgekit.measure.lock import yielding
    from edgekit.measure.profile import layer_times

    progress = yielding(progress)
    with tempfile.TemporaryDirectory() as folder:
        bench = _Workbench(model, Path(folder))
        alone = part(progress, 0, 0.15)
        halves = [([], []), *((p, []) for p in PRUNINGS), *(([], q) for q in QUANTIZATIONS)]
        files = dict(bench.possible(halves, alone))
        scoring = each(files.items(), part(progress, 0.15, 0.3), lambda pair: f"scoring {pair[0]}")
        quality = {name: bench.score(file) for name, file in scoring}
        prunings = [[], *(p for p in PRUNINGS if key(p) in files)]
        quantizations = [q for q in QUANTIZATIONS if key(q) in files]
        sizes = _sizes(bench, prunings, quantizations, set(files.values()), part(progress, 0.3, 0.85))
        plain, whole = files["[]"], bench.macs(files["[]"])
        timed = {"float": plain} | ({"int8": files[key([INT8])]} if key([INT8]) in files else {})
        ratios = {
            key(q): time_pair(files[key(q)], plain).ratio.value
            for q in each(quantizations, part(progress, 0.85, 0.95), lambda q: f"timing {key(q)}")
        }
        return Sensitivity(
            model_sha256=model.sha256,
            samples=bench.samples,
            versions=versions(),
            machine=this_host().cpu,
            metric=model.task.metric,
            quality=quality,
            size_bytes=sizes,
            macs_left={key(p): _shares(bench.macs(files[key(p)]), whole) for p in prunings},
            latency_ratio=ratios,
            layer_ms={name: layer_times(file) for name, file in timed.items()},
            logit_error=_logit_error(quality, bench, part(progress, 0.95, 1)),
        )


def _sizes(
    bench: _Workbench, prunings: list[Steps], quantizations: list[Steps], kept: set[Path], progress: Progress
) -> dict[str, int]:
    """Of the file of each pruning with each quantization; once weighed it is deleted, but for `kept` ones."""
    sizes: dict[str, int] = {}
    for number, pruning in enumerate(prunings):
        here = part(progress, number / len(prunings), (number + 1) / len(prunings))
        tried = [q if _leaves_zeros(pruning) else _any_rounding(q) for q in quantizations]
        names = {key(pruning + q): f"{key(pruning)} {key(own)}" for q, own in zip(tried, quantizations, strict=True)}
        names |= {key(pruning): f"{key(pruning)} []"}
        for name, file in bench.possible([(pruning, q) for q in [[], *tried]], here):
            sizes[names[name]] = file.stat().st_size
            if file not in kept:
                file.unlink()
    return sizes


def _any_rounding(quantization: Steps) -> Steps:
    """The quickest way to a file of the same size: without many zeros, rounding does not change what weights take."""
    return [
        {name: settings | {"rounding": "nearest"} if name == "quantize_weights" else settings}
        for step in quantization
        for name, settings in step.items()
    ]


def _leaves_zeros(pruning: Steps) -> bool:
    """Whether weights are zero afterwards, which a file leaves out; how many stay so depends on the rounding."""
    return any("prune_weights" in step for step in pruning)


def _logit_error(quality: dict[str, float], bench: _Workbench, progress: Progress) -> float:
    """How wrong the sum of two losses is, over pairs that are still of use (both halves keep half of the quality)."""
    n, base = bench.samples, logit(quality["[]"], bench.samples)
    useful = [
        (p, q) for p in PRUNINGS for q in QUANTIZATIONS
        if min(quality.get(key(half), 0.0) for half in (p, q)) > quality["[]"] / 2
    ]  # fmt: skip
    checked, errors = useful[:: max(1, len(useful) // CHECKED_PAIRS)], []
    for name, file in bench.possible(checked, progress):
        p, q = next(pair for pair in checked if key(sum(pair, [])) == name)
        predicted = logit(quality[key(p)], n) + logit(quality[key(q)], n) - base
        errors.append(logit(bench.score(file), n) - predicted)
    return float(np.sqrt(np.mean(np.square(errors)))) if errors else 0.0


def _shares(macs: dict[str, float], whole: dict[str, float]) -> dict[str, float]:
    known = {layer: macs[layer] for layer in macs if whole.get(layer) and macs[layer] is not None}
    return {layer: round(left / whole[layer], 6) for layer, left in known.items() if left != whole[layer]}


def _stored(model_sha256: str) -> str:
    return f"sensitivity-{model_sha256}"


@functools.cache
def _came_with(path: Path) -> Sensitivity | None:
    return _parsed(path.read_text()) if path.is_file() else None


@functools.lru_cache(maxsize=16)
def _parsed(text: str) -> Sensitivity:
    return Sensitivity.model_validate_json(text)


@dataclass
class _Workbench:
    """A model, its validation data, and a folder for the files that are tried."""

    model: Model
    folder: Path

    def __post_init__(self) -> None:
        from edgekit.core.host import this_host
        from edgekit.data.feed import bench
        from edgekit.data.splits import load
        from edgekit.measure.candidates import Candidates

        dataset = load(self.model.data)
        self.validation = dataset.validation
        self.samples = len(dataset.validation)
        self.bench: Bench = bench(
            self.model, dataset, host=this_host(), candidates=Candidates(self.model, dataset.validation)
        )
        self._last: tuple[str, Compressed] | None = None
        self._truth: np.ndarray | None = None

    def possible(self, pairs: list[tuple[Steps, Steps]], progress: Progress) -> Iterator[tuple[str, Path]]:
        """(name, file) of each pruning with its quantization; those that do not work on the model are passed over."""
        for pruning, quantization in each(pairs, progress, lambda pair: key(pair[0] + pair[1])):
            try:
                yield key(pruning + quantization), self._file(pruning, quantization)
            except Cancelled:
                raise
            except EdgeKitError:
                continue

    def score(self, file: Path) -> float:
        """What the task counts of a file. Where it takes the original's answers for right, that must come first."""
        from edgekit.measure.outputs import outputs

        answers = outputs(file, self.validation, self.model.preprocessing)
        if self._truth is None:
            self._truth = self.model.task.truth(self.validation.labels, answers)
        return float(self.model.task.scores(answers, self._truth).mean())

    def macs(self, file: Path) -> dict[str, float]:
        """Multiply-accumulates of each layer."""
        from edgekit.artifacts.read import layers

        return {layer["layer"]: layer["macs"] for layer in layers(file)}

    def _file(self, pruning: Steps, quantization: Steps) -> Path:
        from edgekit.artifacts.write import write
        from edgekit.recipe import Recipe

        state = self._pruned(pruning)
        start = len(pruning), replace(state, graph=copy.deepcopy(state.graph))
        try:
            state = Recipe.parse(pruning + quantization).apply(self.model, self.bench, start=start)
        except NothingToDo:
            if pruning:  # the same file as without the quantization, which is in the table already
                raise
        return Path(write(state.graph, state.encodings, self.folder, "", None).path)

    def _pruned(self, pruning: Steps) -> Compressed:
        """The state after pruning, of which the last one is kept: many quantizations start from it."""
        from edgekit.recipe import Recipe

        if self._last is None or self._last[0] != key(pruning):
            try:
                state = Recipe.parse(pruning).apply(self.model, self.bench)
            except NothingToDo:  # a sparsity too small for any channel: the network stays as it is
                state = Recipe().apply(self.model, self.bench)
            self._last = key(pruning), state
        return self._last[1]
