"""What a technique may ask about a network or graph that it is trying out: how right, how large, how fast.

All of it goes through the same export, file and runtime as the point on the chart, but on validation samples.
"""

from __future__ import annotations

import contextlib
import functools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from edgekit.artifacts.export import export
from edgekit.artifacts.write import write
from edgekit.core.model import Model
from edgekit.data.splits import Samples
from edgekit.measure.latency import time_one
from edgekit.measure.outputs import outputs
from edgekit.measure.size import counted

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Candidates:
    """Answers for networks and graphs that take the same inputs as `model`.

    Attributes:
        validation: samples that techniques may choose by.
    """

    model: Model
    validation: Samples

    def export(self, network: nn.Module) -> onnx.ModelProto:
        """The float graph of a network."""
        return export(network, self.model.preprocessing(self.validation.raw[:1]))

    def score(self, candidate: Any) -> float:
        """Accuracy on validation data, or what stands in for it, a fraction."""
        return float(self.model.task.scores(self._outputs(candidate), self._truth).mean())

    def cost_of(self, candidate: Any) -> dict[str, float]:
        """See `cost`."""
        return cost(self._graph(candidate))

    def latency_of(self, candidate: Any) -> float:
        """See `latency`."""
        return latency(self._graph(candidate))

    @functools.cached_property
    def _truth(self) -> np.ndarray:
        if self.model.task.labelled:
            return self.validation.labels
        return self.model.task.answers(self._outputs(self.model.graph or self.model.network))

    def _outputs(self, candidate: Any) -> np.ndarray:
        with _file(self._graph(candidate)) as path:
            return outputs(path, self.validation, self.model.preprocessing)

    def _graph(self, candidate: Any) -> onnx.ModelProto:
        return candidate if isinstance(candidate, onnx.ModelProto) else self.export(candidate)


def cost(graph: onnx.ModelProto) -> dict[str, float]:
    """params, macs (where all shapes are known), size_bytes and weight_bits of the file that a graph makes."""
    with _file(graph) as path:
        return {metric: found.value for metric, found in counted(path).items()}


def latency(graph: onnx.ModelProto) -> float:
    """Milliseconds for one sample, the median of many runs."""
    with _file(graph) as path:
        return time_one(path).latency_ms.value


@contextlib.contextmanager
def _file(graph: onnx.ModelProto) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(write(graph, {}, Path(folder), "", None).path)
