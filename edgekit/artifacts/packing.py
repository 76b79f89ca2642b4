"""Low-bit weights that are small on disk and cost nothing at run time, in any ONNX runtime, with no loader.

A code of n bits is stored as n bits: plane k holds bit k of every code, eight codes a byte. The graph itself turns them
back, with ordinary operators in functions that the file carries once:

    bits = (planes >> [0 … 7]) & 1        (n, bytes, 8)
    codes = [1, 2, 4, …, −2ⁿ⁻¹] · bits    two's complement, so the last plane counts negative
    weights = scale · (codes − zero)      evenly spaced values; 8-bit graphs take the codes as they are
    weights = scale · values[codes]       a codebook, whose codes are not signed

Where enough of them are zero, codes and plain weights alike are stored without their zeros: see decoding.py.

All inputs are constants, so ONNX Runtime works this out once, while it loads, and then runs the same kernels as on an
unpacked file: float ones, or 8-bit ones where the codes feed a DequantizeLinear.
"""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgekit.artifacts.decoding import Steps, codes, spread
from edgekit.artifacts.unpacking import DOMAIN, functions
from edgekit.core.encoding import Codebook, Encoding, Stored
from edgekit.core.opset import opset, raised

_OLDEST_OPSET = 18  # BitwiseAnd
_PLAIN = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.INT8, TensorProto.UINT8)


def pack(graph: onnx.ModelProto, encodings: Mapping[str, Stored]) -> onnx.ModelProto:
    """A copy of `graph` that stores the codes of the encoded weights instead of the weights, and many zeros not at all.

    Args:
        graph: holds, for each name, either the float32 weights that the codes decode to, or the codes as int8 where
            they feed a DequantizeLinear.
        encodings: weight initializer name -> codes and how to turn them into weights. Names that the graph no longer
            has are an error of the caller.

    Raises:
        ModelError: a graph too old for the operators that unpacking needs, which cannot be raised either.
    """
    missing = set(encodings) - {tensor.name for tensor in graph.graph.initializer}
    assert not missing, f"{', '.join(sorted(missing))} must be weights of the graph"
    modern = raised(graph, _OLDEST_OPSET, "packing needs") if encodings else graph
    dense = _packed(modern, encodings, False)
    if opset(modern) < _OLDEST_OPSET:
        return dense
    return min(dense, _packed(modern, encodings, True), key=onnx.ModelProto.ByteSize)


def _packed(graph: onnx.ModelProto, encodings: Mapping[str, Stored], sparse: bool) -> onnx.ModelProto:
    """A packed copy; if `sparse`, zeros are left out where a tensor gets smaller by it."""
    packed = onnx.ModelProto()
    packed.CopyFrom(graph)
    inputs = {value.name for value in graph.graph.input}
    nodes, constants = [], []
    for tensor in graph.graph.initializer:
        steps = Steps(tensor.name)
        stored = encodings.get(tensor.name)
        if stored is not None and (tensor.data_type == TensorProto.FLOAT or stored.bits < 8):
            _decode(steps, tensor, stored, sparse)
        elif sparse and tensor.data_type in _PLAIN and tensor.name not in inputs:
            spread(steps, numpy_helper.to_array(tensor))
        constants += steps.constants or [tensor]
        nodes += steps.named()
    del packed.graph.initializer[:]
    packed.graph.initializer.extend(constants)
    _put_first(packed.graph, nodes)
    if used := {node.op_type for node in nodes}:
        packed.functions.extend(functions(used, opset(packed)))
        packed.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    return packed


def _decode(steps: Steps, tensor: TensorProto, stored: Stored, sparse: bool) -> None:
    """Weights, or the codes themselves where those are what the graph holds."""
    in_float = tensor.data_type == TensorProto.FLOAT
    held = stored.decode() if in_float else stored.codes
    assert np.array_equal(numpy_helper.to_array(tensor), held), f"{tensor.name} is not what its codes decode to"
    if not in_float:
        steps.add("Int8", codes(steps, stored.codes, stored.bits, True, sparse))
    elif isinstance(stored, Codebook):
        _look_up(steps, stored, sparse)
    elif stored.group:
        _scale_groups(steps, stored, sparse)
    else:
        found = codes(steps, stored.codes, stored.bits, True, sparse)
        _scale(steps, found, stored, _along(stored.scale, stored), _along(stored.zero_point, stored))


def _look_up(steps: Steps, stored: Codebook, sparse: bool) -> None:
    count = np.bincount(stored.codes.reshape(-1), minlength=len(stored.values))
    order = np.argsort(-count, kind="stable")  # frequent values get low codes, whose high planes are then easy to zip
    values, shared = stored.values[order].astype(np.float32), len(stored.scale) == 1
    if shared:  # the very product that `decode` makes
        values = values * stored.scale.astype(np.float32)
    found = codes(steps, np.argsort(order)[stored.codes], stored.bits, False, sparse)
    weights = steps.add("Looked", found, steps.constant("values", values))
    if not shared:
        steps.add("Scaled", weights, steps.constant("scale", _along(stored.scale, stored).astype(np.float32)))


def _scale_groups(steps: Steps, stored: Encoding, sparse: bool) -> None:
    """Codes lie in rows of (channels, groups, neighbours) while they are scaled."""
    moved = np.moveaxis(stored.codes, stored.axis, 0)  # (channels, …)
    found = codes(steps, moved.reshape(*stored.scale.shape, -1), stored.bits, True, sparse)
    rows = _scale(steps, found, stored, stored.scale[..., None], stored.zero_point[..., None])
    weights = steps.add("Shaped", rows, shape=list(moved.shape))
    if stored.axis:
        order = list(range(1, moved.ndim))
        steps.add("Turned", weights, perm=[*order[: stored.axis], 0, *order[stored.axis :]])


def _scale(steps: Steps, found: str, stored: Encoding, scale: np.ndarray, zero: np.ndarray) -> str:
    scales = steps.constant("scale", scale.astype(np.float32))
    if not stored.zero_point.any():
        return steps.add("Scaled", found, scales)
    return steps.add("Centred", found, scales, steps.constant("zero", zero.astype(np.int8)))


def _along(values: np.ndarray, stored: Stored) -> np.ndarray:
    """One value a channel, in a shape that spreads over the weight."""
    shape = [1] * stored.codes.ndim
    shape[stored.axis] = -1
    return values.reshape(shape)


def _put_first(body: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> None:
    rest = list(body.node)
    del body.node[:]
    body.node.extend(nodes + rest)
