"""Samples as a network takes them: batches to train on, inputs to calibrate with, and the Bench that techniques get."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor

from edgekit.core.bench import Bench
from edgekit.core.errors import DataError
from edgekit.core.host import Host
from edgekit.core.model import Model
from edgekit.core.preprocessing import Pixels, Preprocessing
from edgekit.core.progress import Progress, silent
from edgekit.data.augment import flip_and_shift, vary
from edgekit.data.catalog import entry
from edgekit.data.splits import Dataset, Samples, Split
from edgekit.tasks import task

if TYPE_CHECKING:
    import onnx
    from torch import nn


class Candidates(Protocol):
    """What `edgekit.measure.candidates` answers; named here because data comes before measuring."""

    def export(self, network: nn.Module) -> onnx.ModelProto: ...
    def score(self, candidate: Any) -> float: ...
    def cost_of(self, candidate: Any) -> dict[str, float]: ...
    def latency_of(self, candidate: Any) -> float: ...


def bench(
    model: Model,
    dataset: Dataset,
    *,
    host: Host,
    candidates: Candidates,
    on_epoch: Callable[[dict[str, Any]], None] = lambda point: None,
    progress: Progress = silent,
    seed: int = 0,
) -> Bench:
    """Everything that techniques may use for `model`: training data only, and a score on validation data.

    Args:
        dataset: the data set that the model was trained on.
        candidates: answers what a technique may ask of a network or graph that it tries.
        on_epoch: told of each epoch that a technique trains.
        seed: of the choice of calibration samples, and of shuffling and augmentation.
    """
    prepared, training = model.preprocessing, dataset.training
    shift = dataset.entry.shift
    return Bench(
        example=prepared(training.raw[:1]),  # (1, …)
        calibration=lambda n: calibration(training, prepared, n, seed),
        training=lambda batch_size, epoch: batches(training, prepared, batch_size, epoch, shift=shift, seed=seed),
        training_size=len(training),
        score=candidates.score,
        host=host,
        export=candidates.export,
        cost_of=candidates.cost_of,
        latency_of=candidates.latency_of,
        task=model.task,
        on_epoch=on_epoch,
        teacher=model.network,
        data=model.data,
        preprocessing=prepared,
        progress=progress,
        seed=seed,
    )


def calibration(training: Samples, prepared: Preprocessing, n: int, seed: int = 0) -> np.ndarray:
    """Network inputs (n, …) of training samples, each class equally often, not augmented."""
    _only_training(training)
    return prepared(training.take(n, seed).raw)


def batches(
    training: Samples, prepared: Preprocessing, batch_size: int, epoch: int, *, shift: int, seed: int = 0
) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch of (inputs, labels), each (b, …), shuffled; images are shifted, and flipped where they may be.

    Where the task compares samples, some of each class stand together.

    Order and augmentation depend on seed and epoch alone. Samples that do not fill a last batch are left out of this
    epoch; where there are fewer than a batch in all, they make one.

    Args:
        shift: the largest move of an image, in pixels.
    """
    _only_training(training)
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    group = task(training.entry.task).group
    order = torch.randperm(len(training), generator=generator).numpy()
    order = order if group == 1 else _grouped(order, training.labels, group, generator)
    for start in range(0, max(1, len(order) - batch_size + 1), batch_size):
        chosen = order[start : start + batch_size]
        inputs = torch.from_numpy(prepared.scaled(training.raw[chosen]))  # images (b, channels, height, width)
        if isinstance(prepared, Pixels):
            about = entry(training.data)
            inputs = vary(inputs, generator) if about.vary else inputs
            inputs = flip_and_shift(inputs, shift, generator, about.flip)
        labels, kind = training.labels[chosen], np.float32 if training.labels.dtype.kind == "f" else np.int64
        yield prepared.arranged(inputs), torch.from_numpy(labels.astype(kind))


def _grouped(order: np.ndarray, labels: np.ndarray, group: int, generator: torch.Generator) -> np.ndarray:
    """The order (n,), changed so that `group` samples of a class stand together, but for the last of each class.

    Hermans, Beyer and Leibe 2017, "In Defense of the Triplet Loss for Person Re-Identification", arXiv:1703.07737.
    """
    own = [order[labels[order] == label] for label in np.unique(labels)]
    groups = [some[start : start + group] for some in own for start in range(0, len(some), group)]
    return np.concatenate([groups[place] for place in torch.randperm(len(groups), generator=generator)])


def _only_training(samples: Samples) -> None:
    if samples.split is not Split.TRAINING:
        raise DataError(
            f"calibration and training samples must come from the training split; these are from {samples.split}."
        )
