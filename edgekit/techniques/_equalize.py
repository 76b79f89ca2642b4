"""Cross-layer equalisation: neighbouring layers share the differences between their channels, so that codes fit both.

Between two layers with a ReLU, relu(s · x) = s · relu(x) for s > 0. So channel i of the first layer may be divided by
any sᵢ if the second multiplies what it reads of that channel by it. With r₁ᵢ and r₂ᵢ the largest weights there,
sᵢ = √(r₁ᵢ / r₂ᵢ) makes both ranges √(r₁ᵢ r₂ᵢ) (Nagel et al. 2019, arXiv:1906.04721, equation 11). Pairs that follow
each other are gone through until nothing moves.
"""

from collections.abc import Mapping

import numpy as np
import onnx

from edgekit.models.graphs import array, attribute, readers, store
from edgekit.techniques._graph import GraphLayer

TURNS = 40
SETTLED = 1e-3  # change of a factor below which nothing moves any more
HOMOGENEOUS = ("Relu", "MaxPool", "AveragePool", "GlobalAveragePool", "Flatten", "Identity", "Dropout")

Pair = tuple[GraphLayer, GraphLayer]


def pairs(graph: onnx.ModelProto, layers: Mapping[str, GraphLayer]) -> list[Pair]:
    """Layers of which the second alone reads the first, with nothing between but what keeps s · x = s · f(x)."""
    read_by, outputs = readers(graph), {out.name for out in graph.graph.output}
    by_output = {layer.node.output[0]: layer for layer in layers.values()}
    found = []
    for first in layers.values():
        tensor = first.node.output[0]
        while len(read_by[tensor]) == 1 and tensor not in outputs:
            node = read_by[tensor][0]
            if node.op_type not in HOMOGENEOUS:
                second = by_output.get(node.output[0])
                fits = second is not None and node.input[0] == tensor
                own = all(len(read_by[name]) == 1 for name in (first.weight, first.bias) if name)
                if fits and own and len(read_by[second.weight]) == 1 and _fit(graph, first, second):
                    found.append((first, second))
                break
            tensor = node.output[0]
    return found


def equalize(graph: onnx.ModelProto, found: list[Pair]) -> None:
    """Divide and multiply the weights and biases of these pairs, in place; the network computes what it did."""
    for _ in range(TURNS):
        if max((_equalize(graph, first, second) for first, second in found), default=0.0) < SETTLED:
            return


def _equalize(graph: onnx.ModelProto, first: GraphLayer, second: GraphLayer) -> float:
    """Equalise one pair; how far its factors were from 1, as |log s|."""
    weight, after = array(graph, first.weight), array(graph, second.weight)
    outgoing = np.moveaxis(weight, first.axis, 0)  # (channels, ...): views, so that writing to them changes the weights
    incoming = np.moveaxis(after, 0 if _depthwise(second) else _inputs_axis(second), 0)
    reach, read = (np.abs(rows).reshape(len(rows), -1).max(1) for rows in (outgoing, incoming))
    used = (reach > 0) & (read > 0)
    factor = np.sqrt(np.where(used, reach, 1) / np.where(used, read, 1)).astype(np.float32)  # (channels,)
    outgoing /= factor.reshape(-1, *[1] * (outgoing.ndim - 1))
    incoming *= factor.reshape(-1, *[1] * (incoming.ndim - 1))
    store(graph, first.weight, weight)
    store(graph, second.weight, after)
    if first.bias:
        store(graph, first.bias, array(graph, first.bias) / factor)
    return float(np.abs(np.log(factor)).max())


def _fit(graph: onnx.ModelProto, first: GraphLayer, second: GraphLayer) -> bool:
    """Whether each output channel of the first is one input of the second, or of one filter of a depthwise one."""
    supported = ("Conv", "Gemm", "MatMul")
    if first.kind not in supported or second.kind not in supported or (len(first.node.input) > 2 and not first.bias):
        return False
    channels, shape = array(graph, first.weight).shape[first.axis], array(graph, second.weight).shape
    if _depthwise(second):
        return shape[0] == channels and shape[1] == 1
    if second.kind == "Conv" and attribute(second.node, "group", 1) != 1:
        return False
    return shape[_inputs_axis(second)] == channels


def _depthwise(layer: GraphLayer) -> bool:
    return layer.kind == "Conv" and attribute(layer.node, "group", 1) > 1


def _inputs_axis(layer: GraphLayer) -> int:
    return 1 - layer.axis
