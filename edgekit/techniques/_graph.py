"""The layers of an ONNX graph: where their weights are."""

from dataclasses import dataclass

import onnx

from edgekit.models.graphs import attribute


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
