"""Where the time goes, layer by layer, by ONNX Runtime's own profiler in a fresh process.

The runtime rearranges a graph before it runs it: it renames, fuses and adds nodes. Each of its nodes is traced back to
the layer whose work it does; what belongs to none (pooling, additions, changes of layout) is summed under `THE_REST`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.artifacts.read import layers
from edgekit.core.progress import Progress, silent
from edgekit.measure import child
from edgekit.measure.lock import quiet

if TYPE_CHECKING:
    import onnx

THE_REST = "the rest"
SECONDS, LEAST_RUNS = 0.2, 20

CONVERTING = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "Cast")  # between floats and codes
REORDERING = ("ReorderInput", "ReorderOutput", "Transpose")  # changes of layout

_ADDED = re.compile(r"^fused |_token_\d+$|_nchwc$|_nhwc$|_transformed$")
_PASSING_ON = {"Relu", "Clip", "LeakyRelu", "HardSigmoid", "HardSwish", "Sigmoid", "Tanh", "Add", "Sum", "Mul"}
_PASSING_ON |= {"QuantizeLinear", "DequantizeLinear", "Cast", "BatchNormalization"}


@dataclass(frozen=True)
class Operator:
    """A node that the runtime ran: its kind, the layer whose work it did, or `THE_REST`, and its milliseconds."""

    kind: str
    layer: str
    milliseconds: float


@dataclass(frozen=True)
class Profile:
    """Where the time of one sample goes.

    Attributes:
        layers: those of the file, in the order of the graph.
        operators: all that ran.
    """

    layers: tuple[str, ...]
    operators: tuple[Operator, ...]

    def by_layer(self) -> dict[str, float]:
        """Milliseconds in each layer, then `THE_REST`."""
        times = dict.fromkeys(self.layers, 0.0) | {THE_REST: 0.0}
        for one in self.operators:
            times[one.layer] += one.milliseconds
        return times

    def by_kind(self) -> dict[str, float]:
        """Milliseconds in each kind of operator, the longest first."""
        times: dict[str, float] = {}
        for one in self.operators:
            times[one.kind] = times.get(one.kind, 0.0) + one.milliseconds
        return dict(sorted(times.items(), key=lambda pair: -pair[1]))

    @property
    def converting(self) -> float:
        """The share of the time that goes into turning floats into codes and back."""
        return self._share(CONVERTING)

    @property
    def reordering(self) -> float:
        """The share of the time that goes into changes of layout."""
        return self._share(REORDERING)

    def _share(self, kinds: Collection[str]) -> float:
        whole = sum(one.milliseconds for one in self.operators)
        return sum(one.milliseconds for one in self.operators if one.kind in kinds) / whole if whole else 0.0


def profile(path: Path, threads: int = 1, progress: Progress = silent) -> Profile:
    """Run a file under the profiler.

    The profiler itself slows small operators down and counts whole microseconds: compare layers, and take the file's
    latency from `latency.py`.

    Raises:
        ModelError: the file is no ONNX file.
        MeasureError: it cannot be run here.
    """
    import onnx

    names = [row["layer"] for row in layers(path)]
    job = {"do": "profile", "paths": [path], "threads": threads, "seconds": SECONDS, "least": LEAST_RUNS}
    with quiet(progress):
        found = child.run(job, progress, "timing every layer")
    owners = owner_of_each(list(found["nodes"]), onnx.load(path).graph, names)
    operators = [Operator(found["kinds"][node], owners[node], time) for node, time in found["nodes"].items()]
    return Profile(tuple(names), tuple(operators))


def layer_times(path: Path, threads: int = 1, progress: Progress = silent) -> dict[str, float]:
    """Milliseconds of one sample in each layer, in the order of the graph, then `THE_REST`; see `profile`."""
    return profile(path, threads, progress).by_layer()


def owner_of_each(nodes: list[str], graph: onnx.GraphProto, layers: list[str]) -> dict[str, str]:
    """Node of the runtime -> the layer whose work it does, or `THE_REST`.

    First by name. A fused convolution is named after the tensor that it makes, perhaps behind an addition and a ReLU;
    it belongs to the convolution before them that has no node of its own.
    """
    plain = {node: _plain(node) for node in nodes}
    makers = {output: node for node in graph.node for output in node.output}
    owners = {node: owner for node, name in plain.items() if (owner := _by_name(name, layers, makers))}
    left = set(layers) - set(owners.values())
    for node, name in plain.items():
        if node not in owners and name in makers:
            found = [layer for layer in _before(makers[name], makers, set(layers)) if layer in left]
            if found:
                owners[node] = found[0]
                left.discard(found[0])
    return {node: owners.get(node, THE_REST) for node in nodes}


def _plain(name: str) -> str:
    """Without what the runtime's optimisers put before and behind it."""
    while (shorter := _ADDED.sub("", name)) != name:
        name = shorter
    return name


def _by_name(name: str, layers: list[str], makers: dict[str, onnx.NodeProto]) -> str | None:
    """The layer of that name, the layer that makes the tensor of that name, or else the longest that it begins with."""
    if name in makers:
        return makers[name].name if makers[name].name in layers else None
    fitting = [layer for layer in layers if name == layer or re.match(re.escape(layer) + r"[_/]", name)]
    return max(fitting, key=len, default=None)


def _before(node: onnx.NodeProto, makers: dict[str, onnx.NodeProto], layers: set[str]) -> list[str]:
    """The layers whose outputs reach a node through nothing but what a convolution may be fused with."""
    if node.name in layers:
        return [node.name]
    if node.op_type not in _PASSING_ON:
        return []
    return [layer for name in node.input if name in makers for layer in _before(makers[name], makers, layers)]
