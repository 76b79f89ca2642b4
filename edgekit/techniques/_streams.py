"""Calibration samples on their way through a graph, layer by layer, twice: through float and through rounded weights.

The graph is cut into stretches that run one after the other. Between two of them only the tensors that are still to be
read are held, so a long network needs little more memory than its widest place.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from edgekit.models.graphs import array, readers
from edgekit.techniques._calibrate import BATCH
from edgekit.techniques._graph import GraphLayer

HELD_BYTES = 2**29  # of samples on their way, about

Held = dict[str, np.ndarray]  # tensor -> its values for one batch


@dataclass(frozen=True)
class Stretch:
    """Neighbouring nodes of a graph, in order, and the layers among them; `gives` is what later nodes read."""

    nodes: list[onnx.NodeProto]
    layers: list[GraphLayer]
    gives: list[str]


def stretches(graph: onnx.ModelProto, layers: Mapping[str, GraphLayer], starts: Sequence[int]) -> list[Stretch]:
    """The graph cut before each node whose number is in `starts`; what no layer needs any more is left out."""
    nodes, by_output = list(graph.graph.node), {layer.node.output[0]: layer for layer in layers.values()}
    ends = sorted({0, *starts, len(nodes)})
    found = []
    for start, end in zip(ends, ends[1:], strict=False):
        made = {name for node in nodes[:end] for name in node.output} | {tensor.name for tensor in graph.graph.input}
        read = {name for node in nodes[end:] for name in node.input}
        last = {tensor.name for tensor in graph.graph.output} if end == len(nodes) else set()
        own = [by_output[node.output[0]] for node in nodes[start:end] if node.output[0] in by_output]
        found.append(Stretch(nodes[start:end], own, sorted(made & (read | last))))
    return found


def by_layer(graph: onnx.ModelProto, layers: Mapping[str, GraphLayer]) -> list[Stretch]:
    """Stretches that begin at each layer, after one with what comes before the first."""
    outputs = {layer.node.output[0] for layer in layers.values()}
    return stretches(graph, layers, [k for k, node in enumerate(graph.graph.node) if node.output[0] in outputs])


def affordable(graph: onnx.ModelProto, samples: int) -> int:
    """So many of `samples` that what is held of them, float and rounded, fits in HELD_BYTES; 8 at the least."""
    known = onnx.shape_inference.infer_shapes(graph).graph
    sizes = [
        4 * int(np.prod([max(dim.dim_value, 1) for dim in tensor.type.tensor_type.shape.dim[1:]]))
        for tensor in (*known.input, *known.value_info)
    ]
    return max(8, min(samples, HELD_BYTES // (4 * max(sizes))))


class Streams:
    """What each tensor that is still to be read holds, in batches: as it was in floats, and after rounding."""

    def __init__(self, graph: onnx.ModelProto, layers: Mapping[str, GraphLayer], inputs: np.ndarray):
        feed = graph.graph.input[0]
        first = feed.type.tensor_type.shape.dim[0]
        size = first.dim_value or BATCH
        own = [name for layer in layers.values() for name in (layer.weight, layer.bias) if name]
        self.graph, self._read_by = graph, readers(graph)
        self.original = {name: array(graph, name) for name in own}
        self.float: list[Held] = [{feed.name: inputs[k : k + size]} for k in range(0, len(inputs), size)]
        self.rounded: list[Held] = [dict(held) for held in self.float]

    def owns_bias(self, layer: GraphLayer) -> bool:
        """Whether the layer has a bias that nothing else reads, so that it may change."""
        return layer.bias is not None and len(self._read_by[layer.bias]) == 1

    def pairs(self, tensor: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(float, rounded) values of a tensor, batch after batch."""
        for exact, rounded in zip(self.float, self.rounded, strict=True):
            yield exact[tensor], rounded[tensor]

    def advance(self, stretch: Stretch) -> None:
        """Move both through a stretch, the rounded one with the weights that the graph has now."""
        if not stretch.nodes or not stretch.gives:
            return
        names = [name for layer in stretch.layers for name in (layer.weight, layer.bias) if name]
        now = {name: array(self.graph, name) for name in names}
        for batches, weights in ((self.float, self.original), (self.rounded, now)):
            made = [name for name in stretch.gives if name not in batches[0]]
            session = self._session(stretch, made, batches[0], {name: weights[name] for name in names})
            fed = [tensor.name for tensor in session.get_inputs()]
            for place, held in enumerate(batches):
                values = dict(zip(made, session.run(made, {name: held[name] for name in fed}), strict=True))
                batches[place] = {name: (held | values)[name] for name in stretch.gives}

    def _session(self, stretch: Stretch, made: list[str], held: Held, weights: Held) -> onnxruntime.InferenceSession:
        """Runs the stretch with these weights."""
        stored = {tensor.name: tensor for tensor in self.graph.graph.initializer}
        read = {name for node in stretch.nodes for name in node.input if name}
        read -= {name for node in stretch.nodes for name in node.output}
        inputs = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(held[name].dtype), None)
            for name in sorted(read & held.keys())
        ]
        outputs = [onnx.ValueInfoProto(name=name) for name in made]
        constants = [stored[name] for name in sorted(read - held.keys() - weights.keys())]
        constants += [numpy_helper.from_array(values, name) for name, values in weights.items()]
        body = helper.make_graph(stretch.nodes, "stretch", inputs, outputs, constants)
        model = helper.make_model(body, opset_imports=self.graph.opset_import, ir_version=self.graph.ir_version)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors only: they are raised, and nothing else concerns a person
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
