"""An uploaded graph, rewritten so that onnx2torch makes ordinary layers of it; what nobody can train is refused.

Constants become initializers, a product with a stored matrix becomes a Gemm with its bias, a Reshape to rows a Flatten,
automatic padding explicit, and a batch size that was baked in free.
"""

import math
import re

import numpy as np
import onnx
from onnx import TensorProto, helper, inliner
from onnx.reference import ReferenceEvaluator

from edgekit.core.errors import ModelError
from edgekit.models._twin_opset import in_known_operators
from edgekit.models._twin_shapes import free_the_batch, infer, inputs_of, pad_explicitly, reshape, shapes_of, tell_width
from edgekit.models.graphs import array, attribute, drop_unread, free_name, readers, replace_nodes, store

_FOLDED = ("Identity", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Cast")
_NOT_FLOAT32 = {TensorProto.FLOAT16: "float16", TensorProto.BFLOAT16: "bfloat16", TensorProto.DOUBLE: "float64"}
_QUANTIZED = re.compile(r"[Qq]uantize|^QLinear|Integer$|NBits$")
_ONE_OUTPUT = ("Dropout", "BatchNormalization", "LayerNormalization", "MaxPool")
_PADDED = ("Conv", "MaxPool", "AveragePool")


def prepared(graph: onnx.ModelProto) -> tuple[onnx.ModelProto, dict[str, str]]:
    """A rewritten copy of `graph`, and for each constant that was worked out the initializer that it was made of.

    Raises:
        ModelError: it is quantized, not in float32, or an operator stands in the way.
    """
    ready = onnx.ModelProto()
    ready.CopyFrom(graph)
    _refuse_quantized(ready)
    if ready.functions:
        ready = inliner.inline_local_functions(ready)
    _own_domain_only_once(ready)
    _drop_stored_inputs(ready)
    ready = in_known_operators(ready)
    _refuse_other_floats(ready)
    _drop_unread_outputs(ready)
    _drop_omitted_inputs(ready)
    made_of = _fold(ready)
    free_the_batch(ready)
    infer(ready)
    shapes = shapes_of(ready)
    for node in ready.graph.node:
        if node.op_type == "Reshape":
            reshape(ready, node, shapes)
        elif node.op_type in _PADDED:
            pad_explicitly(node, shapes)
        elif node.op_type == "LayerNormalization":
            tell_width(ready, node, shapes)
        elif node.op_type == "Sum" and len(node.input) == 2:
            node.op_type = "Add"
    _products(ready)
    _own_outputs(ready)
    _drop_unused(ready)
    drop_unread(ready)
    return ready, made_of


def _refuse_quantized(graph: onnx.ModelProto) -> None:
    nodes = [*graph.graph.node, *(node for function in graph.functions for node in function.node)]
    kinds = sorted({node.op_type for node in nodes if _QUANTIZED.search(node.op_type)})
    if kinds:
        raise ModelError(
            f"only a float model can be trained, and this file is already quantized ({', '.join(kinds)}): it can be "
            "measured and compared, not trained. To train it, upload the float file that it was made from."
        )


def _refuse_other_floats(graph: onnx.ModelProto) -> None:
    kinds = {_NOT_FLOAT32[t.data_type] for t in graph.graph.initializer if t.data_type in _NOT_FLOAT32 and t.dims}
    if kinds:
        raise ModelError(
            f"only float32 weights can be trained, and this file holds {' and '.join(sorted(kinds))}: it can be "
            "measured and compared, not trained. To train it, export it in float32."
        )


def _own_domain_only_once(graph: onnx.ModelProto) -> None:
    """ONNX's own operators may be written as of "" or of "ai.onnx"."""
    for one in [*graph.opset_import, *graph.graph.node]:
        if one.domain == "ai.onnx":
            one.domain = ""


def _drop_stored_inputs(graph: onnx.ModelProto) -> None:
    """Before IR 4 every initializer had to be listed among the inputs too."""
    needed = {one.name for one in inputs_of(graph)}
    for one in [one for one in graph.graph.input if one.name not in needed]:
        graph.graph.input.remove(one)


def _drop_unread_outputs(graph: onnx.ModelProto) -> None:
    """What training alone would look at, such as the mask of a Dropout: onnx2torch makes no such outputs."""
    read = {name for node in graph.graph.node for name in node.input} | {out.name for out in graph.graph.output}
    for node in graph.graph.node:
        if node.op_type in _ONE_OUTPUT and read.isdisjoint(node.output[1:]):
            del node.output[1:]


def _drop_omitted_inputs(graph: onnx.ModelProto) -> None:
    """Inputs at a node's end that are left out may also be written as "", which onnx2torch looks for in vain."""
    for node in graph.graph.node:
        while node.input and not node.input[-1]:
            del node.input[-1]


def _fold(graph: onnx.ModelProto) -> dict[str, str]:
    """Work out the nodes that only give an initializer another shape or name; return result -> initializer."""
    made_of: dict[str, str] = {}
    stored = {tensor.name: tensor for tensor in graph.graph.initializer}
    kept = []
    for node in graph.graph.node:
        if node.op_type in _FOLDED and all(name in stored for name in node.input):
            part = helper.make_graph(
                [node], "constant", [], [onnx.ValueInfoProto(name=node.output[0])], [stored[n] for n in node.input]
            )
            part = helper.make_model(part, opset_imports=graph.opset_import)
            store(graph, node.output[0], ReferenceEvaluator(part).run(None, {})[0])
            stored[node.output[0]] = graph.graph.initializer[-1]
            made_of[node.output[0]] = made_of.get(node.input[0], node.input[0])
        else:
            kept.append(node)
    replace_nodes(graph, kept)
    return made_of


def _products(graph: onnx.ModelProto) -> None:
    """MatMul by a stored matrix, and the Add of a bias behind it, become one Gemm.

    ONNX has Gemm for matrices only. onnx2torch makes an nn.Linear of it, and that takes any number of axes.
    """
    stored = {t.name: t for t in graph.graph.initializer if t.data_type == TensorProto.FLOAT}
    outputs, reading, gone = {out.name for out in graph.graph.output}, readers(graph), []
    for node in graph.graph.node:
        weight = stored.get(node.input[1]) if node.op_type in ("MatMul", "Gemm") else None
        if weight is None or len(weight.dims) != 2 or node.input[0] in stored:
            continue
        if node.op_type == "Gemm":
            width = weight.dims[0 if attribute(node, "transB", 0) else 1]
            if len(node.input) > 2 and (bias := _bias(graph, stored, node.input[2], width)):
                node.input[2] = bias
            continue
        node.op_type = "Gemm"
        add = reading[node.output[0]][0] if len(reading[node.output[0]]) == 1 else None
        if add is None or add.op_type != "Add" or node.output[0] in outputs:
            continue
        other = next((name for name in add.input if name != node.output[0]), "")
        if bias := _bias(graph, stored, other, weight.dims[1]):
            node.input.append(bias)
            node.output[0] = add.output[0]
            gone.append(add)
    for add in gone:
        graph.graph.node.remove(add)


def _bias(graph: onnx.ModelProto, stored: dict[str, onnx.TensorProto], name: str, width: int) -> str:
    """The name of a bias of shape (width,) that does what `name` does; "" if that is no bias of a Linear."""
    dims = list(stored[name].dims) if name in stored else None
    if dims == [width]:
        return name
    if dims is None or math.prod(dims[:-1]) != 1 or (dims and dims[-1] not in (1, width)):
        return ""
    flat = free_name(graph, f"{name}_{width}", set())
    store(graph, flat, np.broadcast_to(array(graph, name).reshape(-1), (width,)))
    return flat


def _own_outputs(graph: onnx.ModelProto) -> None:
    """onnx2torch gives back whole nodes: what no node makes, or one that makes several things, gets its own node."""
    alone = {node.output[0] for node in graph.graph.node if len(node.output) == 1}
    for out in graph.graph.output:
        if out.name not in alone:
            own = free_name(graph, f"{out.name}_alone", set())
            graph.graph.node.add(op_type="Identity", input=[out.name], output=[own])
            out.name = own


def _drop_unused(graph: onnx.ModelProto) -> None:
    """Remove nodes that no output depends on, such as those that computed a shape."""
    needed = {out.name for out in graph.graph.output}
    for node in reversed(list(graph.graph.node)):
        if needed.isdisjoint(node.output):
            graph.graph.node.remove(node)
        else:
            needed.update(node.input)
