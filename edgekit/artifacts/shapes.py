"""Shapes of everything in a graph for one sample, and how many multiplications that makes."""

import math

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from edgekit.artifacts.constants import Constants
from edgekit.artifacts.operators import MULTIPLYING, ROLES, Roles
from edgekit.models.graphs import RECURRENT

Shapes = dict[str, tuple[int, ...]]

_LARGE = 1024  # constants above it count by their shape only


def shapes(graph: onnx.ModelProto, constants: Constants) -> Shapes:
    """Tensor name -> shape at batch size 1, for tensors whose shape follows from the input's.

    Where ONNX's inference cannot follow, as where a slice ends at a length that was computed, the graph is run once.
    """
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
    every = (_known(value) for value in (*inferred.input, *inferred.value_info, *inferred.output))
    found = {name: shape for name, shape in every if shape is not None}
    found |= {name: value.shape for name, value in constants.values.items()}
    multiplied = [
        (node, ROLES[node.op_type])
        for node in bare.graph.node
        if node.op_type in ROLES and ROLES[node.op_type].kind in MULTIPLYING
    ]
    wanted = {name for node, roles in multiplied for name in (*_factors(node, roles), node.output[0])} - set(found)
    return found | _seen(graph, sorted(wanted), found) if wanted else found


def _seen(graph: onnx.ModelProto, wanted: list[str], known: Shapes) -> Shapes:
    """The shapes that tensors have when one sample of zeros runs through; none where it cannot."""
    bare = onnx.ModelProto()
    bare.CopyFrom(graph)
    del bare.graph.output[:]
    bare.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    stored = {tensor.name for tensor in graph.graph.initializer}
    try:
        fed = {
            value.name: np.zeros(known[value.name], helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type))
            for value in graph.graph.input
            if value.name not in stored
        }
        session = onnxruntime.InferenceSession(bare.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return {name: value.shape for name, value in zip(wanted, session.run(wanted, fed), strict=True)}
    except Exception:  # a free dimension, or what the runtime does not take: its exceptions have no base class
        return {}


def macs(node: onnx.NodeProto, sizes: Shapes) -> int | None:
    """Multiply-accumulates of a node for one sample; None where a shape is not known."""
    roles = ROLES[node.op_type]
    given, weight, result = (sizes.get(name) for name in (*_factors(node, roles), node.output[0]))
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


def _factors(node: onnx.NodeProto, roles: Roles) -> tuple[str, str]:
    """What a node multiplies."""
    return node.input[0], node.input[roles.weight]


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
