"""All that a technique may use besides the network: data, a score, a teacher, progress and a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from edgekit.core.host import Host
from edgekit.core.progress import Progress, each, part, silent

if TYPE_CHECKING:
    import onnx
    from torch import Tensor, nn

    from edgekit.core.preprocessing import Preprocessing
    from edgekit.core.task import Task


@dataclass(frozen=True)
class Bench:
    """Given to every `apply`. Nothing here can reach the test set.

    Attributes:
        example: one batch of one input, (1, ...), for tracing: float32, or int64 of a network for texts.
        calibration: n -> such inputs (n, ...) from the training set, without labels; fewer if there are fewer.
        training: (batch size, epoch) -> pairs (inputs, labels) of tensors (b, ...), shuffled and augmented.
        training_size: samples in an epoch.
        score: network or graph -> accuracy on validation data, a fraction; the only score a technique may choose by.
        host: the machine the file is made for.
        export: network -> its float ONNX graph, whose initializers are named as in the state dict.
        cost_of: network or graph -> {"params", "macs", "size_bytes", …}, counted in the file that it would make.
        latency_of: network or graph -> milliseconds for one sample, measured.
        task: what the network is for: what training goes towards.
        on_epoch: told what goes into Applied.curve after each epoch, for the curve that is drawn live.
        teacher: the uncompressed network, for distillation; None where the model came without one.
        data: id of the data set that all samples come from; empty where they come from none in the catalog.
        preprocessing: what made inputs of its samples.
        seed: of every random choice; techniques make generators of their own from it.
    """

    example: np.ndarray
    calibration: Callable[[int], np.ndarray]
    training: Callable[[int, int], Iterable[tuple[Tensor, Tensor]]]
    training_size: int
    score: Callable[[Any], float]
    host: Host
    export: Callable[[nn.Module], onnx.ModelProto]
    cost_of: Callable[[Any], dict[str, float]]
    latency_of: Callable[[Any], float]
    task: Task
    teacher: nn.Module | None = None
    data: str = ""
    preprocessing: Preprocessing | None = None
    on_epoch: Callable[[dict[str, Any]], None] = lambda point: None
    progress: Progress = silent
    seed: int = 0

    def each(self, layers: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
        """Go through (name, layer) pairs, reporting progress; Cancel stops it."""
        return each(list(layers), self.progress, lambda pair: pair[0])

    def part(self, start: float, end: float) -> Bench:
        """The same bench, whose progress covers only the stretch from `start` to `end`."""
        return replace(self, progress=part(self.progress, start, end))
