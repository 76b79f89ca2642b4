"""Which parts of a float graph will work on integers, and which tensors need codes for that.

ONNX Runtime runs an integer kernel where it finds Dequantize → operator → Quantize with nothing else between, so:

- a ReLU (or a clip from zero) melts into the codes of what it clips, which start at zero;
- what only moves values (MaxPool, Flatten, …) uses the codes of its input;
- sums and means (Add, GlobalAveragePool, …) work on integers as soon as one of their inputs is made of integers;
- the network's own output stays float where the last layer is a matrix product, which can return floats.
"""

from dataclasses import dataclass

import onnx

from edgekit.models.graphs import array, attribute, readers
from edgekit.techniques._graph import GraphLayer, weight_layers

PRODUCTS = ("Conv", "Gemm", "MatMul")
JOINS = ("Add", "Mul", "Concat", "AveragePool", "GlobalAveragePool", "MatMul")
MOVES = ("MaxPool", "Flatten", "Reshape", "Transpose", "Squeeze", "Unsqueeze")


@dataclass(frozen=True)
class Plan:
    """What becomes of each part of a graph.

    Attributes:
        layers: the layers that will work on integers, by name.
        ranged: tensors that need codes of their own -> the layer or node that makes each ("" for the graph's input).
        codes_of: every tensor held in codes -> the tensor in `ranged` whose codes it uses.
        integer: outputs of the nodes that will work on integers.
        melted: outputs of the ReLUs that vanish -> the tensor that takes their place.
    """

    layers: dict[str, GraphLayer]
    ranged: dict[str, str]
    codes_of: dict[str, str]
    integer: frozenset[str]
    melted: dict[str, str]


def integer_layers(graph: onnx.ModelProto) -> dict[str, GraphLayer]:
    """The layers for which ONNX Runtime has an integer kernel, by name."""
    return {name: layer for name, layer in weight_layers(graph) if _has_integer_kernel(layer)}


def plan(graph: onnx.ModelProto, names: set[str]) -> Plan:
    """Decide what becomes integer when the layers called `names` do; `graph` has no Constant nodes."""
    layers = {name: layer for name, layer in integer_layers(graph).items() if name in names}
    layers = with_weights_of_their_own(graph, layers)
    of_node = {layer.node.output[0]: layer for layer in layers.values()}
    constants = {tensor.name for tensor in graph.graph.initializer}
    outputs, read_by = {out.name for out in graph.graph.output}, readers(graph)
    made_by = {name: node.name for node in graph.graph.node for name in node.output}
    ranged: dict[str, str] = {}
    codes_of: dict[str, str] = {}
    melted: dict[str, str] = {}
    integer: set[str] = set()

    def hold(tensor: str, maker: str) -> None:
        if tensor not in codes_of:
            ranged[tensor], codes_of[tensor] = maker, tensor

    for node in graph.graph.node:
        out = node.output[0]
        layer = of_node.get(out)
        if out in melted:
            continue
        if _moves(node) and node.input[0] in codes_of and out not in outputs:
            codes_of[out] = codes_of[node.input[0]]
            integer.add(out)
            continue
        sources = [node.input[0]] if layer else list(node.input)
        joins = node.op_type in JOINS and not constants & set(sources) and any(s in integer for s in sources)
        if not layer and not joins:
            continue
        for source in sources:
            hold(source, made_by.get(source, ""))
        integer.add(out)
        if len(read_by[out]) == 1 and out not in outputs and _clips_at_zero(read_by[out][0], graph):
            after = read_by[out][0].output[0]
            melted[after] = out
            integer.add(after)
            out = after
        if out not in outputs or out in melted or node.op_type not in ("Gemm", "MatMul"):
            hold(out, node.name or (layer.name if layer else ""))
    return Plan(layers, ranged, codes_of, frozenset(integer), melted)


def with_weights_of_their_own(graph: onnx.ModelProto, layers: dict[str, GraphLayer]) -> dict[str, GraphLayer]:
    """Those of `layers` whose weights no node outside of them reads, which would need them as floats."""
    ours, read_by = {layer.node.output[0] for layer in layers.values()}, readers(graph)
    return {n: one for n, one in layers.items() if all(node.output[0] in ours for node in read_by[one.weight])}


def _has_integer_kernel(layer: GraphLayer) -> bool:
    plain = attribute(layer.node, "alpha", 1.0) == 1.0 and attribute(layer.node, "beta", 1.0) == 1.0
    bias_is_stored = len(layer.node.input) < 3 or layer.bias is not None
    return layer.kind in PRODUCTS and plain and bias_is_stored and not attribute(layer.node, "transA", 0)


def _moves(node: onnx.NodeProto) -> bool:
    return node.op_type in MOVES and len(node.output) == 1


def _clips_at_zero(node: onnx.NodeProto, graph: onnx.ModelProto) -> bool:
    """Whether a node only cuts values off, from zero down: then codes that start at zero do the same."""
    if node.op_type == "Relu":
        return True
    if node.op_type != "Clip" or len(node.input) < 2:
        return False
    stored = {tensor.name for tensor in graph.graph.initializer}
    return all(name in stored for name in node.input[1:] if name) and float(array(graph, node.input[1])) == 0.0
