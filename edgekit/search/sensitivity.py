"""What each slider position does by itself, measured once per model: the ground that ghosts stand on.

For every pruning and every quantization that the sliders offer: accuracy on validation data and the share of
multiply-accumulates left in each layer. For every pair: the exact size of the file. For float and INT8: time per layer.
How far "the two losses add up" is off is measured on a few pairs and kept as `logit_error`.

`python -m edgekit sensitivity MODEL` measures a table; sample models come with theirs, beside the card.
"""

import json
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from edgekit.core.bench import Bench
from edgekit.core.files import sample_models, written_whole
from edgekit.core.model import Model
from edgekit.core.progress import Progress, each, silent
from edgekit.search.sliders import PRUNINGS, QUANTIZATIONS

CHECKED_PAIRS = 12
INT8 = {"quantize_static": {}}


class Sensitivity(BaseModel, frozen=True):
    """A measured table. Keys are `key(steps)`; accuracies are fractions of `samples` validation samples.

    Attributes:
        accuracy: of each pruning and each quantization alone, and of "[]", the network as it is.
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
    accuracy: dict[str, float]
    size_bytes: dict[str, int]
    macs_left: dict[str, dict[str, float]]
    latency_ratio: dict[str, float]
    layer_ms: dict[str, dict[str, float]]
    logit_error: float


def key(steps: list[dict]) -> str:
    """The name of a list of steps in a table."""
    return json.dumps(steps, sort_keys=True)


def logit(accuracy: float, samples: int) -> float:
    """log(p / (1 − p)), with half a sample added on each side so that 0 and 1 stay finite."""
    p = (accuracy * samples + 0.5) / (samples + 1)
    return math.log(p / (1 - p))


def table_path(model_id: str) -> Path:
    """Where the table of a sample model lies."""
    return sample_models() / model_id / "sensitivity.json"


def save(table: Sensitivity, path: Path) -> None:
    """Write a table, whole or not at all."""
    with written_whole(path) as file:
        file.write(json.dumps(table.model_dump(), indent=1, sort_keys=True).encode())


def measure_table(model: Model, progress: Progress = silent) -> Sensitivity:
    """Try every slider position on validation data. Takes minutes; Cancel stops it between two files."""
    from edgekit.core.host import this_host
    from edgekit.measure.latency import time_pair
    from edgekit.measure.profile import layer_times
    from edgekit.pipeline import versions

    with tempfile.TemporaryDirectory() as folder:
        bench = _Workbench(model, Path(folder))
        files = {key(half): bench.compress(half) for half in each([[], *PRUNINGS, *QUANTIZATIONS], progress, key)}
        accuracy = {name: bench.score(file) for name, file in each(files.items(), progress, lambda pair: pair[0])}
        pairs = [(p, q) for p in [[], *PRUNINGS] for q in [[], *QUANTIZATIONS]]
        sizes = {
            f"{key(p)} {key(q)}": bench.compress(p + (q if _leaves_zeros(p) else _any_rounding(q))).stat().st_size
            for p, q in each(pairs, progress, lambda pair: key(pair[0] + pair[1]))
        }
        plain, whole = files["[]"], bench.macs(files["[]"])
        return Sensitivity(
            model_sha256=model.sha256,
            samples=bench.samples,
            versions=versions(),
            machine=this_host().cpu,
            accuracy=accuracy,
            size_bytes=sizes,
            macs_left={key(p): _shares(bench.macs(files[key(p)]), whole) for p in [[], *PRUNINGS]},
            latency_ratio={key(q): time_pair(files[key(q)], plain).ratio.value for q in QUANTIZATIONS},
            layer_ms={"float": layer_times(plain), "int8": layer_times(files[key([INT8])])},
            logit_error=_logit_error(accuracy, bench),
        )


def _any_rounding(quantization: list[dict]) -> list[dict]:
    """The quickest way to a file of the same size: without many zeros, rounding does not change what weights take."""
    return [
        {name: settings | {"rounding": "nearest"} if name == "quantize_weights" else settings}
        for step in quantization
        for name, settings in step.items()
    ]


def _leaves_zeros(pruning: list[dict]) -> bool:
    """Whether weights are zero afterwards, which a file leaves out; how many stay so depends on the rounding."""
    return any("prune_weights" in step for step in pruning)


def _logit_error(accuracy: dict[str, float], bench: "_Workbench") -> float:
    """How wrong the sum of two losses is, over pairs that are still of use (both halves well above chance)."""
    n, base = bench.samples, logit(accuracy["[]"], bench.samples)
    useful = [
        (p, q) for p in PRUNINGS for q in QUANTIZATIONS if min(accuracy[key(p)], accuracy[key(q)]) > accuracy["[]"] / 2
    ]
    errors = []
    for p, q in useful[:: max(1, len(useful) // CHECKED_PAIRS)]:
        predicted = logit(accuracy[key(p)], n) + logit(accuracy[key(q)], n) - base
        errors.append(logit(bench.score(bench.compress(p + q)), n) - predicted)
    return float(np.sqrt(np.mean(np.square(errors)))) if errors else 0.0


def _shares(macs: dict[str, float], whole: dict[str, float]) -> dict[str, float]:
    return {layer: round(macs[layer] / whole[layer], 6) for layer in macs if macs[layer] != whole[layer]}


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

    def compress(self, steps: list[dict]) -> Path:
        from edgekit.artifacts.write import write
        from edgekit.core.errors import NothingToDo
        from edgekit.recipe import Recipe, exported

        try:
            state = Recipe.parse(steps).apply(self.model, self.bench)
        except NothingToDo:  # a sparsity too small for any channel: the network stays as it is
            return self.compress(steps[1:])
        state = exported(state, self.bench.example)
        return Path(write(state.graph, state.encodings, self.folder, "", None).path)

    def score(self, file: Path) -> float:
        from edgekit.measure.outputs import outputs

        answers = outputs(file, self.validation, self.model.preprocessing)
        return float(self.model.task.scores(answers, self.validation.labels).mean())

    def macs(self, file: Path) -> dict[str, float]:
        from edgekit.artifacts.read import layers

        return {layer["layer"]: layer["macs"] for layer in layers(file)}
