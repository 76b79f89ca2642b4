"""A run's graph as other tools can read it: with packed weights widened, or with all numbers as floats again.

Both leave what the network computes as it is, but for the rounding of activations, which a float graph has none of.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgekit.artifacts.constants import Constants, constants
from edgekit.artifacts.unpacking import DOMAIN
from edgekit.core.errors import ExportError
from edgekit.models.graphs import attribute

ROUNDING = ("QuantizeLinear", "DequantizeLinear")
SUMS = ("Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Sub", "Mul", "Div", "BatchNormalization")  # may be negative
NEAR_SIX = 0.12  # a ReLU6's range, as calibration finds it
FOUR_BITS = {TensorProto.INT4, TensorProto.UINT4}
INTEGER_OPERATORS = {  # they compute with integers and nothing says what the floats were
    "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger", "DynamicQuantizeLSTM", "QLinearConv", "QLinearMatMul",
    "QLinearAdd", "QGemm",
}  # fmt: skip


def is_integer(graph: onnx.ModelProto) -> bool:
    """Whether activations are rounded to integers, of a fixed range or of one found at run time."""
    return any(node.op_type in INTEGER_OPERATORS | {"QuantizeLinear"} for node in graph.graph.node)


def stored_numbers(graph: onnx.ModelProto) -> dict[str, int]:
    """How many numbers of each type are stored."""
    found: Counter[str] = Counter()
    for tensor in graph.graph.initializer:
        found[helper.tensor_dtype_to_np_dtype(tensor.data_type).name] += math.prod(tensor.dims)
    return dict(found)


def stuck(graph: onnx.ModelProto) -> str:
    """Why no floats can be made of a graph; empty where they can."""
    found = sorted({node.op_type for node in graph.graph.node} & INTEGER_OPERATORS)
    if not found:
        return ""
    return (
        f"this format starts from floats, and this file holds {', '.join(found)}, of which no floats can be made. "
        "Export a run that ends before that step, or one quantized with quantize_static."
    )


def widened(graph: onnx.ModelProto) -> onnx.ModelProto:
    """A copy in which packed codes lie as ordinary tensors: 8-bit integers stay such, decoded floats become floats.

    Other tools read neither our functions nor integers of 4 bits.
    """
    known = constants(graph)
    return _with_values(graph, known, [name for name, node in known.made_by.items() if _is_ours(node, known)])


def floated(graph: onnx.ModelProto) -> onnx.ModelProto:
    """A copy that computes with floats: weights as they are once dequantized, activations without their rounding.

    Raises:
        ExportError: it holds operators on integers, of which no floats can be made.
    """
    if why := stuck(graph):
        raise ExportError(why)
    graph = _dequantized_before_they_are_looked_up(graph)
    known = constants(graph)
    ranges = {node.output[0]: _range(node, known) for node in graph.graph.node if node.op_type == "QuantizeLinear"}
    found = _with_values(graph, known, list(known.made_by))
    maker = {name: node for node in found.graph.node for name in node.output}
    kept, same = [], {}
    for node in found.graph.node:
        if node.op_type not in ROUNDING:
            node.input[:] = [same.get(name, name) for name in node.input]
            kept.append(node)
            continue
        (given, made), before = (node.input[0], node.output[0]), maker.get(node.input[0])
        same[made] = same.get(given, given)
        if made in ranges and ranges[made][0] == 0 and before is not None and before.op_type in SUMS:
            same[made] = f"{made}.positive"
            kept.append(_activation(same.get(given, given), same[made], ranges[made][1]))
    for output in found.graph.output:  # one that was dequantized is what the node before puts out
        if output.name in same:
            _rename(kept, same[output.name], output.name)
    _to_float32(found, kept)
    return _rebuilt(found, kept)


def _dequantized_before_they_are_looked_up(graph: onnx.ModelProto) -> onnx.ModelProto:
    """A copy in which no table (of words) is looked up as integers: what is looked up was dequantized."""
    found = onnx.ModelProto()
    found.CopyFrom(graph)
    maker = {name: node for node in found.graph.node for name in node.output}
    readers = Counter(name for node in found.graph.node for name in node.input)
    single = {tensor.name for tensor in graph.graph.initializer if math.prod(tensor.dims) == 1}
    nodes, gone = [], set()
    for node in found.graph.node:
        lookup = maker.get(node.input[0]) if node.op_type == "DequantizeLinear" else None
        rows = lookup is not None and lookup.op_type == "Gather" and attribute(lookup, "axis", 0) == 0
        if not rows or not (node.input[1] in single or attribute(node, "axis", 1) < 0):  # which a row and a table share
            nodes.append(node)
            continue
        table = f"{node.output[0]}.table"
        nodes.append(helper.make_node("DequantizeLinear", [lookup.input[0], *node.input[1:]], [table]))
        nodes[-1].attribute.extend(node.attribute)
        nodes.append(helper.make_node("Gather", [table, lookup.input[1]], node.output, lookup.name))
        nodes[-1].attribute.extend(lookup.attribute)
        gone |= {lookup.output[0]} if readers[lookup.output[0]] == 1 else set()
    return _rebuilt(found, [node for node in nodes if node.output[0] not in gone])


def _range(node: onnx.NodeProto, known: Constants) -> tuple[float, float]:
    """The least and the largest number that a QuantizeLinear lets through."""
    known.evaluate({name for name in node.input[1:] if name})
    scale = float(known.values[node.input[1]].reshape(-1)[0])
    zero = known.values[node.input[2]].reshape(-1)[0] if len(node.input) > 2 else np.uint8(0)
    ends = np.iinfo(zero.dtype)
    return (ends.min - int(zero)) * scale, (ends.max - int(zero)) * scale


def _activation(given: str, made: str, high: float) -> onnx.NodeProto:
    """The ReLU, or ReLU6, that rounding to numbers from 0 stood in for: quantizers leave it out as it does the same."""
    if abs(high - 6) > NEAR_SIX:
        return helper.make_node("Relu", [given], [made])
    return helper.make_node("Clip", [given, "edgekit.zero", "edgekit.six"], [made])


def _to_float32(graph: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> None:
    """Half-precision tensors and casts become float32."""
    for tensor in graph.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT16:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name))
    for name, value in (("edgekit.zero", 0), ("edgekit.six", 6)):
        graph.graph.initializer.append(numpy_helper.from_array(np.float32(value), name))
    for node in nodes:
        for one in node.attribute:
            if node.op_type == "Cast" and one.name == "to" and one.i == TensorProto.FLOAT16:
                one.i = TensorProto.FLOAT


def _is_ours(node: onnx.NodeProto, known: Constants) -> bool:
    """Whether only we can decode it: it comes of our functions, or of integers of 4 bits."""
    if node.op_type == "DequantizeLinear" and node.input[0] in known.stored:
        return known.stored[node.input[0]].data_type in FOUR_BITS
    if node.op_type == "DequantizeLinear":
        return False
    sources = known.sources(node.output[0])
    return (
        node.domain == DOMAIN
        or any(known.stored[name].data_type in FOUR_BITS for name in sources)
        or any(_is_ours(known.made_by[name], known) for name in node.input if name in known.made_by)
    )


def _with_values(graph: onnx.ModelProto, known: Constants, names: list[str]) -> onnx.ModelProto:
    """A copy in which these constants are stored as their values, and nothing is left that only made them."""
    made = set(names)
    outputs = {output.name for output in graph.graph.output}
    read = outputs | {n for node in graph.graph.node if not set(node.output) & made for n in node.input}
    wanted = made & read
    known.evaluate(wanted)
    found = onnx.ModelProto()
    found.CopyFrom(graph)
    found.graph.initializer.extend(
        numpy_helper.from_array(np.ascontiguousarray(known.values[name]), name) for name in sorted(wanted)
    )
    return _rebuilt(found, [node for node in found.graph.node if not set(node.output) & made])


def _rebuilt(graph: onnx.ModelProto, nodes: Iterable[onnx.NodeProto]) -> onnx.ModelProto:
    """The graph with these nodes, and only the initializers, functions and operator sets that they use."""
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    used = {name for node in nodes for name in node.input} | {output.name for output in graph.graph.output}
    tensors = [tensor for tensor in graph.graph.initializer if tensor.name in used]
    body = helper.make_graph(nodes, graph.graph.name or "edgekit", graph.graph.input, graph.graph.output, tensors)
    domains = {node.domain for node in nodes}
    functions = [function for function in graph.functions if function.domain in domains]
    opsets = [one for one in graph.opset_import if one.domain in domains | {""}]
    return helper.make_model(body, opset_imports=opsets, functions=functions, ir_version=graph.ir_version)


def _rename(nodes: list[onnx.NodeProto], before: str, after: str) -> None:
    for node in nodes:
        for names in (node.input, node.output):
            names[:] = [after if name == before else name for name in names]
