"""Shapes in an uploaded graph, changed so that a batch of any size fits, and still fits when channels are gone."""

import math

import numpy as np
import onnx
from onnx import TensorProto, helper, shape_inference

from edgekit.core.errors import ModelError
from edgekit.models.graphs import array, attribute, free_name, keep_attributes, store

Shapes = dict[str, list[int | None]]

_FEW = 1024  # numbers: more than any shape has
_ON_SHAPES = ("Shape", "Concat", "Gather", "Slice", "Cast", "Squeeze", "Unsqueeze", "Identity")


def infer(graph: onnx.ModelProto) -> None:
    """Note the shape of every tensor in the graph, as far as it can be told.

    Inference copies the graph several times over. So it is not given the weights, whose shapes are all that it needs.
    """
    light, heavy = onnx.ModelProto(), [one for one in graph.graph.initializer if math.prod(one.dims) > _FEW]
    light.graph.name = graph.graph.name
    light.ir_version = graph.ir_version
    light.opset_import.extend(graph.opset_import)
    light.graph.node.extend(graph.graph.node)
    light.graph.input.extend(graph.graph.input)
    light.graph.input.extend(helper.make_tensor_value_info(one.name, one.data_type, one.dims) for one in heavy)
    light.graph.output.extend(graph.graph.output)
    light.graph.initializer.extend(one for one in graph.graph.initializer if math.prod(one.dims) <= _FEW)
    light = shape_inference.infer_shapes(light, data_prop=True)
    del graph.graph.value_info[:]
    graph.graph.value_info.extend(light.graph.value_info)


def inputs_of(graph: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """The inputs that a caller must give: those without a stored value."""
    stored = {tensor.name for tensor in graph.graph.initializer}
    return [one for one in graph.graph.input if one.name not in stored]


def baked_batch(graph: onnx.ModelProto) -> int | None:
    """The batch size that every input of the graph insists on, or None where it is free."""
    sizes = {one.type.tensor_type.shape.dim[0].dim_value for one in inputs_of(graph) if _rank(one)}
    return sizes.pop() or None if len(sizes) == 1 else None


def free_the_batch(graph: onnx.ModelProto) -> None:
    """Where all inputs insist on one batch size, let it be any, also in the shapes that Reshape is given.

    Whether the network then really takes every batch size is found by trying.
    """
    size = baked_batch(graph)
    if size is None:
        return
    infer(graph)
    before = shapes_of(graph)
    stored = {tensor.name for tensor in graph.graph.initializer}
    for node in graph.graph.node:
        if node.op_type == "Reshape" and node.input[1] in stored and before.get(node.input[0], [None])[:1] == [size]:
            shape = array(graph, node.input[1])
            if shape.size and shape[0] == size:
                shape[0] = 0  # as many as come in
                node.input[1] = free_name(graph, f"{node.output[0]}_shape", set())
                store(graph, node.input[1], shape)
    for one in [*graph.graph.input, *graph.graph.output]:
        if _rank(one):
            one.type.tensor_type.shape.dim[0].dim_param = "batch"
    del graph.graph.value_info[:]


def reshape(graph: onnx.ModelProto, node: onnx.NodeProto, shapes: Shapes) -> None:
    """A shape that is computed of the batch size alone is written down; one of (batch, everything else) is a Flatten.

    That also fits when channels are gone.
    """
    keep_attributes(node, [a for a in node.attribute if a.name != "allowzero"])  # no axis here is of no size
    if node.input[1] in {tensor.name for tensor in graph.graph.initializer}:
        shape = array(graph, node.input[1]).tolist()
    elif (shape := _computed(graph, node, shapes)) is not None:
        node.input[1] = free_name(graph, f"{node.output[0]}_shape", set())
        store(graph, node.input[1], np.array(shape, np.int64))
    else:
        return
    before = shapes.get(node.input[0], [None])[1:]
    width = math.prod(before) if before and None not in before else None
    if shape == [0, -1] or (len(shape) == 2 and shape[0] in (0, -1) and shape[1] == width):
        node.op_type = "Flatten"
        del node.input[1:], node.attribute[:]


def _computed(graph: onnx.ModelProto, node: onnx.NodeProto, shapes: Shapes) -> list[int] | None:
    """What a shape comes to that is put together of constants and of sizes of what is reshaped; None if it is not."""
    known = shapes.get(node.output[0], [])
    if known.count(None) == 1:
        return [-1 if size is None else size for size in known]
    stored = {tensor.name for tensor in graph.graph.initializer}
    made_by = {name: one for one in graph.graph.node for name in one.output}

    def sizes(name: str) -> list[tuple[str, int]] | None:
        """("size", 64) or ("axis", 0) for each number in a tensor."""
        if name in stored:
            return [("size", int(number)) for number in array(graph, name).reshape(-1)]
        maker = made_by.get(name)
        if maker is None or maker.op_type not in _ON_SHAPES:
            return None
        if maker.op_type == "Shape":
            axes = [("axis", axis) for axis in range(len(shapes.get(node.input[0], [])))]
            return axes if maker.input[0] == node.input[0] and not maker.attribute else None
        parts = [sizes(other) for other in maker.input]
        if None in parts:
            return None
        if maker.op_type == "Concat":
            return [one for part in parts for one in part]
        if maker.op_type == "Gather":
            return [parts[0][place] for _, place in parts[1]]
        if maker.op_type == "Slice":
            return parts[0][parts[1][0][1] : parts[2][0][1]]
        return parts[0]

    found = sizes(node.input[1])
    if found is None or any(kind == "axis" and place != number for place, (kind, number) in enumerate(found)):
        return None
    return [0 if kind == "axis" else number for kind, number in found]


def pad_explicitly(node: onnx.NodeProto, shapes: Shapes) -> None:
    """auto_pad, worked out for the size that comes in."""
    how = attribute(node, "auto_pad", b"NOTSET").decode()
    if not how.startswith("SAME"):
        return
    sizes = shapes.get(node.input[0], [])[2:]
    kernel = attribute(node, "kernel_shape", None) or shapes[node.input[1]][2:]
    if not sizes or None in sizes:
        raise ModelError(
            f"training needs an image size that is written in the file, because {node.op_type} '{node.name}' pads with "
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


def tell_width(graph: onnx.ModelProto, node: onnx.NodeProto, shapes: Shapes) -> None:
    """onnx2torch reads the width of a LayerNormalization off its input's shape, which inference may not have found."""
    scale = shapes.get(node.input[1])
    known = shapes.get(node.input[0])
    if scale and (known is None or None in known[-len(scale) :]):
        rank = len(known) if known else 1 + len(scale)
        told = [None] * (rank - len(scale)) + scale
        old = next((info for info in graph.graph.value_info if info.name == node.input[0]), None)
        new = helper.make_tensor_value_info(node.input[0], TensorProto.FLOAT, told)
        old.CopyFrom(new) if old is not None else graph.graph.value_info.append(new)


def shapes_of(graph: onnx.ModelProto) -> Shapes:
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
