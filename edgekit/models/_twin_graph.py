"""An uploaded graph, rewritten so that onnx2torch makes ordinary layers of it; what nobody can train is refused.

Constants become initializers, a product with a stored matrix becomes a Gemm with its bias, a Reshape to rows a Flatten,
automatic padding explicit, and a batch size that was baked in free.
"""

import math

import numpy as np
import onnx
from onnx import TensorProto, helper, inliner, shape_inference
from onnx.reference import ReferenceEvaluator

from edgekit.core.errors import ModelError
from edgekit.models._twin_opset import in_known_operators, keep_attributes
from edgekit.models.graphs import array, attribute, copied, drop_unread, lift_constants, readers, replace_nodes, store

_FOLDED = ("Identity", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Cast")
_NOT_FLOAT32 = {TensorProto.FLOAT16: "float16", TensorProto.BFLOAT16: "bfloat16", TensorProto.DOUBLE: "float64"}
_PADDED = ("Conv", "MaxPool", "AveragePool")


def prepared(graph: onnx.ModelProto) -> tuple[onnx.ModelProto, dict[str, str]]:
    """A rewritten copy of `graph`, and for each constant that was worked out the initializer that it was made of.

    Raises:
        ModelError: it is quantized, not in float32, or an operator stands in the way.
    """
    ready = onnx.ModelProto()
    ready.CopyFrom(graph)
    _refuse_quantized(ready)
    _own_domain_only_once(ready)
    if ready.functions:
        ready = inliner.inline_local_functions(ready)
    _drop_stored_inputs(ready)
    ready = in_known_operators(ready)
    lift_constants(ready)
    _refuse_other_floats(ready)
    made_of = _fold(ready)
    _free_the_batch(ready)
    ready = shape_inference.infer_shapes(ready, data_prop=True)
    shapes = _shapes(ready)
    for node in ready.graph.node:
        if node.op_type == "Reshape":
            _reshape(ready, node, shapes)
        elif node.op_type in _PADDED:
            _pad_explicitly(node, shapes)
        elif node.op_type == "LayerNormalization":
            _tell_width(ready, node, shapes)
    _products(ready)
    _own_outputs(ready)
    _drop_unused(ready)
    drop_unread(ready)
    return ready, made_of


def inputs_of(graph: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """The inputs that a caller must give: those without a stored value."""
    stored = {tensor.name for tensor in graph.graph.initializer}
    return [one for one in graph.graph.input if one.name not in stored]


def baked_batch(graph: onnx.ModelProto) -> int | None:
    """The batch size that every input of the graph insists on, or None where it is free."""
    sizes = {one.type.tensor_type.shape.dim[0].dim_value for one in inputs_of(graph) if _rank(one)}
    return sizes.pop() or None if len(sizes) == 1 else None


def _refuse_quantized(graph: onnx.ModelProto) -> None:
    nodes = [*graph.graph.node, *(node for function in graph.functions for node in function.node)]
    kinds = sorted({n.op_type for n in nodes if n.op_type.startswith("QLinear") or "Quantize" in n.op_type
                    or n.op_type.endswith(("Integer", "NBits"))})  # fmt: skip
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


def _free_the_batch(graph: onnx.ModelProto) -> None:
    """Where all inputs insist on one batch size, let it be any, also in the shapes that Reshape is given.

    Whether the network then really takes every batch size is found by trying.
    """
    size = baked_batch(graph)
    if size is None:
        return
    before = _shapes(shape_inference.infer_shapes(graph, data_prop=True))
    stored = {tensor.name for tensor in graph.graph.initializer}
    for node in graph.graph.node:
        if node.op_type == "Reshape" and node.input[1] in stored and before.get(node.input[0], [None])[:1] == [size]:
            shape = array(graph, node.input[1])
            if shape.size and shape[0] == size:
                shape[0] = 0  # as many as come in
                node.input[1] = f"{node.output[0]}_shape"
                store(graph, node.input[1], shape)
    for one in [*graph.graph.input, *graph.graph.output]:
        if _rank(one):
            one.type.tensor_type.shape.dim[0].dim_param = "batch"
    del graph.graph.value_info[:]


def _reshape(graph: onnx.ModelProto, node: onnx.NodeProto, shapes: dict[str, list]) -> None:
    """A shape that is computed of the batch size alone is written down; one of (batch, everything else) is a Flatten.

    That also fits when channels are gone.
    """
    if node.input[1] in {tensor.name for tensor in graph.graph.initializer}:
        shape = array(graph, node.input[1]).tolist()
    elif node.output[0] in shapes and shapes[node.output[0]].count(None) == 1:
        shape = [-1 if size is None else size for size in shapes[node.output[0]]]
        node.input[1] = f"{node.output[0]}_shape"
        store(graph, node.input[1], np.array(shape, np.int64))
    else:
        return
    before = shapes.get(node.input[0], [None])[1:]
    width = math.prod(before) if before and None not in before else None
    if shape == [0, -1] or (len(shape) == 2 and shape[0] in (0, -1) and shape[1] == width):
        node.op_type = "Flatten"
        del node.input[1:], node.attribute[:]


def _pad_explicitly(node: onnx.NodeProto, shapes: dict[str, list]) -> None:
    """auto_pad, worked out for the size that comes in."""
    how = attribute(node, "auto_pad", b"NOTSET").decode()
    if not how.startswith("SAME"):
        return
    sizes = shapes.get(node.input[0], [])[2:]
    kernel = attribute(node, "kernel_shape", None) or shapes[node.input[1]][2:]
    if not sizes or None in sizes:
        raise ModelError(
            f"training needs an image size that is written in the file, because {node.op_type} {node.name!r} pads with "
            f"{how}. Export it with a fixed height and width."
        )
    strides = attribute(node, "strides", [1] * len(sizes))
    dilations = attribute(node, "dilations", [1] * len(sizes))
    begins, ends = [], []
    for size, k, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True):
        total = max(0, (-(-size // stride) - 1) * stride + (k - 1) * dilation + 1 - size)
        small, large = total // 2, total - total // 2
        begins.append(small if how == "SAME_UPPER" else large)
        ends.append(large if how == "SAME_UPPER" else small)
    kept = [a for a in node.attribute if a.name not in ("auto_pad", "pads")]
    keep_attributes(node, [*kept, helper.make_attribute("pads", begins + ends)])


def _tell_width(graph: onnx.ModelProto, node: onnx.NodeProto, shapes: dict[str, list]) -> None:
    """onnx2torch reads the width of a LayerNormalization off its input's shape, which inference may not have found."""
    scale = shapes.get(node.input[1])
    known = shapes.get(node.input[0])
    if scale and (known is None or None in known[-len(scale) :]):
        rank = len(known) if known else 1 + len(scale)
        told = [None] * (rank - len(scale)) + scale
        old = next((info for info in graph.graph.value_info if info.name == node.input[0]), None)
        new = helper.make_tensor_value_info(node.input[0], TensorProto.FLOAT, told)
        old.CopyFrom(new) if old is not None else graph.graph.value_info.append(new)


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
    flat = f"{name}_{width}" if math.prod(dims) != width else f"{name}_flat"
    store(graph, flat, np.broadcast_to(array(graph, name).reshape(-1), (width,)))
    return flat


def _own_outputs(graph: onnx.ModelProto) -> None:
    """onnx2torch gives back whole nodes: an output of a node that has several gets a node of its own."""
    several = {name for node in graph.graph.node if len(node.output) > 1 for name in node.output}
    for out in graph.graph.output:
        if out.name in several:
            own = helper.make_node("Identity", [out.name], [f"{out.name}_alone"])
            graph.graph.node.append(copied(own))
            out.name = own.output[0]


def _drop_unused(graph: onnx.ModelProto) -> None:
    """Remove nodes that no output depends on, such as those that computed a shape."""
    needed = {out.name for out in graph.graph.output}
    for node in reversed(list(graph.graph.node)):
        if needed.isdisjoint(node.output):
            graph.graph.node.remove(node)
        else:
            needed.update(node.input)


def _shapes(graph: onnx.ModelProto) -> dict[str, list[int | None]]:
    """The shape of every tensor as far as it is known; None for a free size."""
    known = [*graph.graph.value_info, *graph.graph.input, *graph.graph.output]
    found = {
        one.name: [dim.dim_value if dim.HasField("dim_value") else None for dim in one.type.tensor_type.shape.dim]
        for one in known
        if one.type.tensor_type.HasField("shape")
    }
    return found | {tensor.name: list(tensor.dims) for tensor in graph.graph.initializer}


def _rank(one: onnx.ValueInfoProto) -> int:
    return len(one.type.tensor_type.shape.dim)
