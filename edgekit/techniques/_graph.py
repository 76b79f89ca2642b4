"""Reading an ONNX graph layer by layer: where the weights are, who reads a tensor, which names are still free."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper


@dataclass(frozen=True)
class GraphLayer:
    """A node that multiplies its input by stored weights.

    Attributes:
        name: the layer's name in the network, which the exporter gave to the node.
        kind: the operator: "Conv", "ConvTranspose", "Gemm" or "MatMul".
        node: the node itself, part of its graph.
        weight: name of the weight initializer.
        bias: name of the bias initializer, or None.
        axis: the weight's output-channel axis.
    """

    name: str
    kind: str
    node: onnx.NodeProto
    weight: str
    bias: str | None
    axis: int


def weight_layers(graph: onnx.ModelProto) -> list[tuple[str, GraphLayer]]:
    """(name, layer) of every node with float32 weights of its own, in the order in which they run."""
    stored = {tensor.name: tensor for tensor in graph.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT}
    layers = (_layer(node, stored) for node in graph.graph.node)
    return [(layer.name, layer) for layer in layers if layer is not None]


def array(graph: onnx.ModelProto, name: str) -> np.ndarray:
    """The values of an initializer, as a private copy."""
    tensor = next(tensor for tensor in graph.graph.initializer if tensor.name == name)
    return numpy_helper.to_array(tensor).copy()


def shape_of(graph: onnx.ModelProto, name: str) -> tuple[int, ...]:
    """The shape of an initializer."""
    return tuple(next(tensor for tensor in graph.graph.initializer if tensor.name == name).dims)


def attribute(node: onnx.NodeProto, name: str, default):
    """The value of a node's attribute, or `default` where it has none."""
    found = next((a for a in node.attribute if a.name == name), None)
    return default if found is None else onnx.helper.get_attribute_value(found)


def readers(graph: onnx.ModelProto) -> dict[str, list[onnx.NodeProto]]:
    """Tensor name -> the nodes that read it."""
    found = defaultdict(list)
    for node in graph.graph.node:
        for name in dict.fromkeys(node.input):
            found[name].append(node)
    return found


def lift_constants(graph: onnx.ModelProto) -> None:
    """Turn Constant nodes into initializers, so that a constant looks the same wherever a file came from."""
    kept = []
    for node in graph.graph.node:
        value = attribute(node, "value", None) if node.op_type == "Constant" else None
        if value is None:
            kept.append(node)
        else:
            graph.graph.initializer.add().CopyFrom(value)
            graph.graph.initializer[-1].name = node.output[0]
    replace_nodes(graph, kept)


def replace_nodes(graph: onnx.ModelProto, nodes: Iterable[onnx.NodeProto]) -> None:
    """Give the graph these nodes, in this order, and drop what was only true of the old ones."""
    kept = [copied(node) for node in nodes]
    del graph.graph.node[:], graph.graph.value_info[:]
    graph.graph.node.extend(kept)


def copied(node: onnx.NodeProto) -> onnx.NodeProto:
    """A private copy of a node."""
    twin = onnx.NodeProto()
    twin.CopyFrom(node)
    return twin


def store(graph: onnx.ModelProto, name: str, values: np.ndarray) -> None:
    """Add an initializer, or replace the one of that name."""
    tensor = numpy_helper.from_array(np.asarray(values, order="C"), name)
    for old in graph.graph.initializer:
        if old.name == name:
            old.CopyFrom(tensor)
            return
    graph.graph.initializer.append(tensor)


def drop_unread(graph: onnx.ModelProto) -> None:
    """Remove initializers that no node reads any more."""
    read = {name for node in graph.graph.node for name in node.input} | {out.name for out in graph.graph.output}
    kept = [tensor for tensor in graph.graph.initializer if tensor.name in read]
    if len(kept) < len(graph.graph.initializer):
        twins = [onnx.TensorProto() for _ in kept]
        for twin, tensor in zip(twins, kept, strict=True):
            twin.CopyFrom(tensor)
        del graph.graph.initializer[:]
        graph.graph.initializer.extend(twins)


def free_name(graph: onnx.ModelProto, wish: str, taken: set[str]) -> str:
    """`wish`, or with a number behind it where the graph has that name already; noted in `taken`."""
    if not taken:
        taken.update(tensor.name for tensor in (*graph.graph.initializer, *graph.graph.input, *graph.graph.output))
        taken.update(name for node in graph.graph.node for name in (*node.input, *node.output))
    name, number = wish, 1
    while name in taken:
        number += 1
        name = f"{wish}_{number}"
    taken.add(name)
    return name


def _layer(node: onnx.NodeProto, stored: dict[str, onnx.TensorProto]) -> GraphLayer | None:
    if node.op_type not in ("Conv", "ConvTranspose", "Gemm", "MatMul") or node.input[1] not in stored:
        return None
    weight = stored[node.input[1]]
    if node.op_type in ("Gemm", "MatMul") and len(weight.dims) != 2:
        return None
    axis = {
        "Conv": 0,
        "ConvTranspose": 1,
        "Gemm": 0 if attribute(node, "transB", 0) else 1,
        "MatMul": 1,
    }[node.op_type]
    bias = node.input[2] if len(node.input) > 2 and node.input[2] in stored else None
    name = node.name or weight.name.removesuffix(".weight")
    return GraphLayer(name, node.op_type, node, weight.name, bias, axis)
