"""Searches side by side: each gets the same network, samples and time, and hands in files; one judge scores them all.

A contestant chooses by validation samples; the judge scores on the test set, in ONNX Runtime, as EdgeKit does every
file: accuracy, bytes, and latency by turns with the uncompressed network. A loop hands in a thousand files; those that
differ in nothing but numbers are timed once.
"""

from __future__ import annotations

import functools
import hashlib
import math
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import onnx
import torch
from torch import nn

from edgekit.core.errors import MeasureError
from edgekit.core.files import sha256
from edgekit.core.model import Model
from edgekit.data import splits
from edgekit.data.feed import calibration
from edgekit.data.splits import Dataset, Samples
from edgekit.measure.latency import time_pair
from edgekit.measure.outputs import outputs
from edgekit.pipeline import baseline
from edgekit.search.autopilot.kept import Search
from edgekit.search.autopilot.result import Result
from edgekit.search.autopilot.search import search
from edgekit.search.autopilot.seen import IDEAL, WORST
from edgekit.search.executor import Executor
from edgekit.search.frontier import best, covered
from edgekit.store.store import Store
from tests.benchmarks import peers

CALIBRATION = 1024  # samples that peers may calibrate with
STILL_OF_USE = "accuracy_drop=5"  # what the box of hypervolume ends at
MORE = (True, True, True)  # of everything that a place says
LOOPS = {
    "NNCF": "nncf_loop",
    "quantize_static": "static_loop",
    "Optuna over a naive loop": "optuna_loop",
}


@dataclass(frozen=True)
class File:
    """What a contestant handed in, the seconds after which it had it, and how it was made."""

    path: Path
    seconds: float
    how: str


@dataclass(frozen=True)
class Entry:
    """All that a contestant handed in, and how many trials it made in how many seconds."""

    files: list[File]
    trials: int
    seconds: float


@dataclass
class Judge:
    """Scores files beside the uncompressed network; the same file is scored once."""

    model: Model
    store: Store
    _places: dict[str, tuple[float, float, float] | None] = field(default_factory=dict)
    _halvings: dict[str, float] = field(default_factory=dict)

    @functools.cached_property
    def data(self) -> Dataset:
        return splits.load(self.model.data)

    @functools.cached_property
    def base(self) -> Path:
        """The file of the uncompressed network."""
        return Path(baseline(self.model, store=self.store).artifact.path)

    @functools.cached_property
    def right(self) -> float:
        """Its accuracy, a fraction."""
        return self._accuracy(self.base)

    def place(self, file: Path) -> tuple[float, float, float] | None:
        """Accuracy gained, a fraction, and how often bytes and latency were halved; None if it does not run, or lies
        outside of the box."""
        key = sha256(file)
        if key not in self._places:
            self._places[key] = self._scored(file)
        return self._places[key]

    def course(self, files: Iterable[File], seconds: float) -> list[tuple[float, float]]:
        """(seconds, share of the box that is covered by then), for every file that was in time, in order."""
        kept, found = [], []
        for file in sorted(files, key=lambda file: file.seconds):
            if file.seconds <= seconds and (place := self.place(file.path)):
                kept = [(*kept, place)[index] for index in best((*kept, place), MORE)]
                found.append((file.seconds, covered(kept, WORST, IDEAL, MORE)))
        return found

    def _scored(self, file: Path) -> tuple[float, float, float] | None:
        try:
            gained = self._accuracy(file) - self.right
            if gained <= WORST[0]:  # it covers nothing, however fast it is
                return None
            form = _form(file)
            if form not in self._halvings:
                self._halvings[form] = -math.log2(time_pair(file, self.base).ratio.value)
        except MeasureError:
            return None
        return gained, math.log2(self.base.stat().st_size / file.stat().st_size), self._halvings[form]

    def _accuracy(self, file: Path) -> float:
        samples = self.data.evaluation
        answers = outputs(file, samples, self.model.preprocessing)
        return float(self.model.task.scores(answers, samples.labels).mean())


def _form(file: Path) -> str:
    """The same for files with the same operators, shapes and types, whatever weights, scales and biases they hold."""
    graph = onnx.load(str(file))
    resized = {name for node in graph.graph.node if node.op_type == "Resize" for name in node.input}
    for tensor in graph.graph.initializer:
        if tensor.data_type != onnx.TensorProto.INT64 and tensor.name not in resized:  # those are shapes
            for values in ("raw_data", "float_data", "int32_data"):
                tensor.ClearField(values)
    return hashlib.sha256(graph.SerializeToString(deterministic=True)).hexdigest()


def ours(model_id: str, minutes: float, training: str, store: Store, executor: Executor | None) -> tuple[Entry, Result]:
    """What `ek.search` measures in full, from an empty store."""
    at: dict[int, float] = {}

    def on_change(kept: Search) -> None:
        at.setdefault(len(kept.tried), kept.spent)

    found = search(
        model_id, [STILL_OF_USE], minutes=minutes, training=training, executor=executor, store=store,
        on_change=on_change,
    )  # fmt: skip
    files = [
        File(Path(store.get(tried.run).artifact.path), at[number], str(tried.steps))
        for number, tried in enumerate(found.search.tried, 1)
        if tried.whole and tried.run
    ]
    looks = [tried for tried in found.search.tried if tried.run and tried.why != "promoted"]
    return Entry(files, len(looks), found.search.spent), found


def theirs(peer: str, judge: Judge, minutes: float, folder: Path, held_out: Samples, by_default: bool = False) -> Entry:
    """What a peer makes.

    Args:
        peer: a value of LOOPS.
        folder: for its files.
        held_out: what it may choose by.
        by_default: whether it exports as torch does by default, and not in the way that was before, which is quicker.
    """
    prepared, training = judge.model.preprocessing, judge.data.training
    samples = {
        "calibration": calibration(training, prepared, CALIBRATION),
        "inputs": prepared(held_out.raw),
        "labels": held_out.labels,
    }
    folder.mkdir()
    with tempfile.TemporaryDirectory() as name:
        network = _saved(judge.model.network.eval(), torch.from_numpy(samples["inputs"][:2]), Path(name), by_default)
        found = peers.asked(
            peer, onnx.load(str(judge.base)), samples, folder=str(folder), minutes=minutes, network=str(network)
        )
    files = [File(folder / file, seconds, how) for file, seconds, how in found["files"]]
    return Entry(files, len(files), found["seconds"])


def _saved(network: nn.Module, example: torch.Tensor, folder: Path, as_program: bool) -> Path:
    """A file that another process exports the network from."""
    if not as_program:
        torch.jit.trace(network, example).save(str(folder / "network.pt"))
        return folder / "network.pt"
    free = ({0: torch.export.Dim("batch")},)
    torch.export.save(torch.export.export(network, (example,), dynamic_shapes=free), folder / "network.pt2")
    return folder / "network.pt2"
