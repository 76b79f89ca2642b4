"""One backbone for two tasks: the layers that look at the image run once, and each task has only its last layer.

    features = backbone(image);  answers = head(features);  coarse answers = coarse head(features)

The first task is what a model was trained for; the second asks the same images a coarser question (`COARSE`). One file
with two outputs stands against two files: the model, and a network of the same kind trained for the second task alone,
starting from the model's weights. The shared backbone stays as the first task left it, so that task's answers are the
very same, and only the second head is trained. Source: Caruana 1997, "Multitask Learning" (hard parameter sharing);
Kornblith et al. 2019, arXiv:1805.08974, on how well a linear head on trained features does.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper
from torch import Tensor, nn

from edgekit.artifacts.export import export
from edgekit.artifacts.write import write
from edgekit.core.artifact import Artifact
from edgekit.core.errors import ModelError, unknown
from edgekit.core.interval import Interval
from edgekit.core.measurement import Measurement
from edgekit.core.model import Model
from edgekit.core.progress import Progress, part, silent
from edgekit.data.feed import batches
from edgekit.data.splits import Dataset
from edgekit.measure.accuracy import accuracy
from edgekit.measure.latency import time_by_turns
from edgekit.measure.lock import yielding
from edgekit.measure.outputs import outputs
from edgekit.measure.statistics import paired_difference
from edgekit.models.training import Schedule, fit

# Data set -> the coarser class of each class, and what the coarser classes are called.
COARSE = {
    "cifar10": ((1, 1, 0, 0, 0, 0, 0, 0, 1, 1), ("animal", "vehicle")),
    "fashion-mnist": ((0, 1, 0, 0, 0, 2, 0, 2, 3, 2), ("worn above", "trouser", "shoe", "bag")),
}
BATCH = 128
HEAD_RATE, NETWORK_RATE = 0.1, 0.02  # the highest learning rates


@dataclass(frozen=True)
class Question:
    """One of the two questions, answered by the shared file and by a file of its own.

    Attributes:
        classes: names of the answers.
        shared, alone: accuracy on the test set.
        difference: shared − alone, paired.
    """

    classes: tuple[str, ...]
    shared: Measurement
    alone: Measurement
    difference: Interval


@dataclass(frozen=True)
class SharedBackbone:
    """One file with two outputs against two files.

    Attributes:
        shared: the file with outputs "output" and "coarse".
        alone: the file of each task.
        questions: the model's own, then the coarser one.
        shared_ms: time of a sample through the shared file, which answers both.
        alone_ms: of each of the others.
        ratio: the shared file's time over the sum of the others'.
    """

    shared: Artifact
    alone: tuple[Artifact, Artifact]
    questions: tuple[Question, Question]
    shared_ms: Measurement
    alone_ms: tuple[Measurement, Measurement]
    ratio: Interval

    @property
    def speed_up(self) -> float:
        """How many times less time both answers take."""
        return 1 / self.ratio.value


def share_backbone(
    model: Model, dataset: Dataset, folder: Path, *, epochs: int = 3, seed: int = 0, progress: Progress = silent
) -> SharedBackbone:
    """Train what is missing, write the three files into `folder`, and measure them.

    Args:
        epochs: of the second network, and of the second head.

    Raises:
        ModelError: there is no coarser question for the model's data, or the network does not end in a Linear.
    """
    if model.data not in COARSE:
        raise ModelError(unknown("coarser classes for data set", model.data, COARSE))
    coarse_of, names = np.array(COARSE[model.data][0]), COARSE[model.data][1]
    example = model.preprocessing(dataset.training.raw[:1])
    work = _Work(model, dataset, coarse_of, epochs, seed)
    second = work.network_alone(len(names), yielding(part(progress, 0, 0.5)))
    head = work.head(len(names), yielding(part(progress, 0.5, 0.7)))
    graphs = [export(model.network, example), export(second, example), two_outputs(model.network, head, example)]
    first_file, second_file, shared = (write(graph, {}, folder, "", None) for graph in graphs)

    def ask(file: Artifact, output: int = 0) -> np.ndarray:
        return outputs(Path(file.path), dataset.evaluation, model.preprocessing, output=output)

    labels = dataset.evaluation.labels
    questions = (
        _question(model, model.labels, labels, ask(shared), ask(first_file)),
        _question(model, names, coarse_of[labels], ask(shared, 1), ask(second_file)),
    )
    paths = [Path(file.path) for file in (shared, first_file, second_file)]
    turns = time_by_turns(paths, progress=part(progress, 0.8, 1))
    times = [turns.latency(place).latency_ms for place in range(3)]
    return SharedBackbone(
        shared, (first_file, second_file), questions, times[0], (times[1], times[2]), turns.ratio([0], [1, 2])
    )


def two_outputs(network: nn.Module, head: nn.Linear, example: np.ndarray) -> onnx.ModelProto:
    """The network with another head beside its own: outputs "output" and "coarse" from one matrix product."""
    name, own = last_linear(network, example)
    both = copy.deepcopy(network)
    wide = nn.Linear(own.in_features, own.out_features + head.out_features, device="meta")
    biases = [torch.zeros(one.out_features) if one.bias is None else one.bias.detach() for one in (own, head)]
    wide.weight = nn.Parameter(torch.cat([own.weight.detach(), head.weight.detach()]))
    wide.bias = nn.Parameter(torch.cat(biases))
    both.set_submodule(name, wide)
    graph = export(both, example)
    maker = next(node for node in graph.graph.node if "output" in node.output)
    maker.output[:] = ["both" if one == "output" else one for one in maker.output]
    sizes = onnx.numpy_helper.from_array(np.array([own.out_features, head.out_features]), "sizes")
    graph.graph.initializer.append(sizes)
    graph.graph.node.append(helper.make_node("Split", ["both", "sizes"], ["output", "coarse"], axis=1))
    answers = [("output", own.out_features), ("coarse", head.out_features)]
    del graph.graph.output[:]
    graph.graph.output.extend(
        helper.make_tensor_value_info(one, onnx.TensorProto.FLOAT, ["batch", size]) for one, size in answers
    )
    return graph


@torch.no_grad()
def last_linear(network: nn.Module, example: np.ndarray) -> tuple[str, nn.Linear]:
    """The Linear that gives the network's answers, with its name.

    Raises:
        ModelError: something else does.
    """
    seen: list[tuple[str, nn.Linear, Tensor]] = []
    hooks = [
        layer.register_forward_hook(lambda layer, inputs, output, name=name: seen.append((name, layer, output)))
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Linear)
    ]
    try:
        answers = network(torch.from_numpy(example))
    finally:
        for hook in hooks:
            hook.remove()
    if not seen or seen[-1][2] is not answers:
        raise ModelError(
            f"sharing a backbone needs a network whose answers come from a Linear; those of {type(network).__name__} "
            "do not. Take another network."
        )
    return seen[-1][:2]


@dataclass(frozen=True)
class _Work:
    """What both trainings share."""

    model: Model
    dataset: Dataset
    coarse_of: np.ndarray
    epochs: int
    seed: int

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Augmented training inputs with coarse labels."""
        coarse = torch.from_numpy(self.coarse_of)
        shift = self.dataset.entry.shift
        found = batches(self.dataset.training, self.model.preprocessing, BATCH, epoch, shift=shift, seed=self.seed)
        return ((inputs, coarse[labels]) for inputs, labels in found)

    def network_alone(self, classes: int, progress: Progress) -> nn.Module:
        """A network of the same kind, all of which is trained for the coarse question."""
        network = copy.deepcopy(self.model.network).requires_grad_(True)
        name, own = last_linear(network, self.model.preprocessing(self.dataset.training.raw[:1]))
        network.set_submodule(name, _new_head(own.in_features, classes))
        return fit(network, self.batches, self._schedule(NETWORK_RATE), self.model.task, progress=progress)[0]

    def head(self, classes: int, progress: Progress) -> nn.Linear:
        """A head trained on the features of the model's own backbone, which stays as it is."""
        backbone = copy.deepcopy(self.model.network).eval()
        name, own = last_linear(backbone, self.model.preprocessing(self.dataset.training.raw[:1]))
        backbone.set_submodule(name, nn.Identity())

        @torch.no_grad()
        def features(inputs: Tensor) -> Tensor:
            return backbone(inputs)

        def seen(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
            return ((features(inputs), labels) for inputs, labels in self.batches(epoch))

        head = _new_head(own.in_features, classes)
        return fit(head, seen, self._schedule(HEAD_RATE), self.model.task, progress=progress)[0]

    def _schedule(self, rate: float) -> Schedule:
        return Schedule(
            epochs=self.epochs,
            learning_rate=rate,
            batches_per_epoch=max(1, len(self.dataset.training) // BATCH),
            seed=self.seed,
        )


def _new_head(features: int, classes: int) -> nn.Linear:
    """Zeros, from which a linear layer learns as well as from anything else."""
    head = nn.Linear(features, classes, device="meta")
    head.weight, head.bias = nn.Parameter(torch.zeros(classes, features)), nn.Parameter(torch.zeros(classes))
    return head


def _question(
    model: Model, names: tuple[str, ...], labels: np.ndarray, shared: np.ndarray, alone: np.ndarray
) -> Question:
    scores = [model.task.scores(answers, labels) for answers in (shared, alone)]
    how = f"{len(labels):,} test samples of {model.data}"
    return Question(tuple(names), *(accuracy(one, how) for one in scores), paired_difference(*reversed(scores)))
