"""Shapes of everything in a graph for one sample, and how many multiplications that makes."""

import math

import onnx
from onnx import helper, numpy_helper

from edgekit.artifacts.constants import Constants
from edgekit.artifacts.operators import ROLES
from edgekit.models.graphs import RECURRENT

Shapes = dict[str, tuple[int, ...]]

_LARGE = 1024  # constants above it count by their shape only


def shapes(graph: onnx.ModelProto, constants: Constants) -> Shapes:
    """Tensor name -> shape at batch size 1, for tensors whose shape follows from the input's."""
    used = {name for node in graph.graph.node if node.output[0] not in constants for name in node.input}
    constants.evaluate({name for name in used if name in constants} - set(constants.values))
    small, large = [], []
    for name in sorted(used & set(constants.values)):
        value = constants.values[name]
        if value.size > _LARGE:
            kind = helper.np_dtype_to_tensor_dtype(value.dtype)
            large.append(helper.make_tensor_value_info(name, kind, value.shape))
        else:
            small.append(numpy_helper.from_array(value, name))
    bare = onnx.ModelProto(ir_version=graph.ir_version, functions=graph.functions)
    bare.opset_import.extend(graph.opset_import)
    bare.graph.name = "shapes"
    bare.graph.node.extend(_plain(node) for node in graph.graph.node if node.output[0] not in constants)
    bare.graph.input.extend([*map(_one_sample, graph.graph.input), *large])
    bare.graph.output.extend(onnx.ValueInfoProto(name=output.name) for output in graph.graph.output)
    bare.graph.initializer.extend(small)
    inferred = onnx.shape_inference.infer_shapes(bare, data_prop=True).graph
    found = (_known(value) for value in (*inferred.input, *inferred.value_info, *inferred.output))
    return {name: shape for name, shape in found if shape is not None} | {
        name: value.shape for name, value in constants.values.items()
    }


def macs(node: onnx.NodeProto, sizes: Shapes) -> int | None:
    """Multiply-accumulates of a node for one sample; None where a shape is not known."""
    roles = ROLES[node.op_type]
    given, weight, result = (sizes.get(name) for name in (node.input[0], node.input[roles.weight], node.output[0]))
    if given is None or weight is None or (result is None and roles.kind not in RECURRENT):
        return None
    if roles.kind == "Conv":  # weight: (out, in / groups, kernel…)
        return math.prod(result) * math.prod(weight[1:])
    if roles.kind == "ConvTranspose":  # weight: (in, out / groups, kernel…)
        return math.prod(given) * math.prod(weight[1:])
    if roles.kind in RECURRENT:  # given: (steps, batch, in); weights: (directions, gates · hidden, in or hidden)
        return given[0] * given[1] * (math.prod(weight) + math.prod(sizes[node.input[2]]))
    transposed = any(a.name == "transA" and a.i for a in node.attribute)
    return math.prod(result) * given[-2 if transposed else -1]


def _one_sample(value: onnx.ValueInfoProto) -> onnx.ValueInfoProto:
    twin = onnx.ValueInfoProto()
    twin.CopyFrom(value)
    dims = twin.type.tensor_type.shape.dim
    if dims and not dims[0].dim_value:
        dims[0].dim_value = 1
    return twin


def _plain(node: onnx.NodeProto) -> onnx.NodeProto:
    """ONNX Runtime's layers with an activation inside, whose shapes ONNX cannot tell, as the layers that they are."""
    if node.op_type not in ("FusedConv", "FusedGemm"):
        return node
    twin = onnx.NodeProto(op_type=node.op_type.removeprefix("Fused"), input=node.input[:3], output=node.output)
    twin.attribute.extend(one for one in node.attribute if not one.name.startswith("activation"))
    return twin


def _known(value: onnx.ValueInfoProto) -> tuple[str, tuple[int, ...] | None]:
    kind = value.type.tensor_type
    dims = kind.shape.dim
    if not kind.HasField("shape") or not all(dim.HasField("dim_value") for dim in dims):
        return value.name, None
    return value.name, tuple(dim.dim_value for dim in dims)
