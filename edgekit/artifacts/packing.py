"""Low-bit weights that are small on disk and cost nothing at run time, in any ONNX runtime, with no loader.

A code of n bits is stored as n bits: plane k holds bit k of every code, eight codes a byte. The graph itself turns them
back, with ordinary operators in functions that the file carries once:

    bits = (planes >> [0 … 7]) & 1        (n, bytes, 8)
    codes = [1, 2, 4, …, −2ⁿ⁻¹] · bits    two's complement, so the last plane counts negative
    weights = scale · (codes − zero)      evenly spaced values; 8-bit graphs take the codes as they are
    weights = scale · values[codes]       a codebook, whose codes are not signed

All inputs are constants, so ONNX Runtime works this out once, while it loads, and then runs the same kernels as on an
unpacked file: float ones, or 8-bit ones where the codes feed a DequantizeLinear.
"""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgekit.artifacts.unpacking import DOMAIN, functions
from edgekit.core.encoding import Codebook, Encoding, Stored
from edgekit.core.errors import ModelError

_OLDEST_OPSET = 18  # BitwiseAnd


def pack(graph: onnx.ModelProto, encodings: Mapping[str, Stored]) -> onnx.ModelProto:
    """A copy of `graph` that stores the codes of the encoded weights instead of the weights.

    Args:
        graph: holds, for each name, either the float32 weights that the codes decode to, or the codes as int8 where
            they feed a DequantizeLinear.
        encodings: weight initializer name -> codes and how to turn them into weights. Names that the graph no longer
            has are an error of the caller.

    Raises:
        ModelError: a graph too old for the operators that unpacking needs, which cannot be raised either.
    """
    packed = _modern(graph) if encodings else _copy(graph)
    tensors = {tensor.name: tensor for tensor in packed.graph.initializer}
    nodes = []
    for name, stored in encodings.items():
        tensor = tensors[name]
        in_float = tensor.data_type == TensorProto.FLOAT
        held = stored.decode() if in_float else stored.codes
        assert np.array_equal(numpy_helper.to_array(tensor), held), f"{name} is not what its codes decode to"
        if stored.bits == 8 and not in_float:
            continue
        steps = _Steps(name)
        _weights(steps, stored) if in_float else steps.add("Int8", _codes(steps, stored.codes, stored.bits, True))
        packed.graph.initializer.remove(tensor)
        packed.graph.initializer.extend(steps.constants)
        nodes += steps.named()
    _put_first(packed.graph, nodes)
    if used := {node.op_type for node in nodes}:
        version = next(o.version for o in packed.opset_import if o.domain in ("", "ai.onnx"))
        packed.functions.extend(functions(used, version))
        packed.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    return packed


def planes(codes: np.ndarray, bits: int) -> np.ndarray:
    """The lowest bits of integers in two's complement, plane by plane: (bits, ⌈n / 8⌉, 1) uint8, lowest bit first."""
    flat = codes.reshape(-1).astype(np.uint8)  # (n,)
    rows = (flat >> np.arange(bits, dtype=np.uint8)[:, None]) & 1  # (bits, n)
    return np.packbits(rows, axis=1, bitorder="little")[:, :, None]


class _Steps:
    """What decodes one weight: constants, and a chain of nodes of which the last gives the weight its name."""

    def __init__(self, name: str):
        self.name = name
        self.constants: list[TensorProto] = []
        self._nodes: list[onnx.NodeProto] = []

    def constant(self, key: str, value: np.ndarray) -> str:
        """Store an array, and say under which name."""
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), f"{self.name}.{key}"))
        return self.constants[-1].name

    def add(self, function: str, *inputs: str, **attributes: list[int]) -> str:
        """Add a node, and say what its result is called."""
        result = f"{self.name}.{len(self._nodes)}"
        self._nodes.append(helper.make_node(function, inputs, [result], domain=DOMAIN, **attributes))
        return result

    def named(self) -> list[onnx.NodeProto]:
        """The nodes, once no more will come."""
        self._nodes[-1].output[0] = self.name
        return self._nodes


def _weights(steps: _Steps, stored: Stored) -> None:
    """Float weights from codes."""
    if isinstance(stored, Codebook):
        values = stored.values.astype(np.float32)
        if len(stored.scale) == 1:  # 1.0 and a rounding: the same product that `decode` makes
            values = values * stored.scale.astype(np.float32)
        codes = _codes(steps, stored.codes, stored.bits, False)
        weights = steps.add("Looked", codes, steps.constant("values", values))
        if len(stored.scale) > 1:
            steps.add("Scaled", weights, steps.constant("scale", _along(stored.scale, stored)))
    elif stored.group:
        _grouped(steps, stored)
    else:
        codes = _codes(steps, stored.codes, stored.bits, True)
        _scaled(steps, codes, stored, _along(stored.scale, stored), _along(stored.zero_point, stored))


def _grouped(steps: _Steps, stored: Encoding) -> None:
    """Codes lie in rows of (channels, groups, neighbours) while they are scaled."""
    moved = np.moveaxis(stored.codes, stored.axis, 0)  # (channels, …)
    codes = _codes(steps, moved.reshape(*stored.scale.shape, -1), stored.bits, True)
    rows = _scaled(steps, codes, stored, stored.scale[..., None], stored.zero_point[..., None])
    weights = steps.add("Shaped", rows, shape=list(moved.shape))
    if stored.axis:
        order = list(range(1, moved.ndim))
        steps.add("Turned", weights, perm=[*order[: stored.axis], 0, *order[stored.axis :]])


def _scaled(steps: _Steps, codes: str, stored: Encoding, scale: np.ndarray, zero: np.ndarray) -> str:
    scales = steps.constant("scale", scale.astype(np.float32))
    if not stored.zero_point.any():
        return steps.add("Scaled", codes, scales)
    return steps.add("Centred", codes, scales, steps.constant("zero", zero.astype(np.int8)))


def _along(values: np.ndarray, stored: Stored) -> np.ndarray:
    """One value a channel, in a shape that spreads over the weight."""
    shape = [1] * stored.codes.ndim
    shape[stored.axis] = -1
    return values.reshape(shape)


def _codes(steps: _Steps, codes: np.ndarray, bits: int, signed: bool) -> str:
    """Integers of `bits` bits, as bytes if there are eight of them."""
    if bits == 8:
        return steps.constant("codes", codes.astype(np.int8 if signed else np.uint8))
    places = [2**k for k in range(bits - 1)] + [-(2 ** (bits - 1)) if signed else 2 ** (bits - 1)]
    inputs = steps.constant("planes", planes(codes, bits)), steps.constant("places", np.int8([places]))
    return steps.add("Codes", *inputs, shape=list(codes.shape))


def _modern(graph: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose operators are new enough."""
    version = next(o.version for o in graph.opset_import if o.domain in ("", "ai.onnx"))
    if version >= _OLDEST_OPSET:
        return _copy(graph)
    try:
        return onnx.version_converter.convert_version(graph, _OLDEST_OPSET)
    except RuntimeError as error:
        raise ModelError(
            f"packing needs ONNX opset {_OLDEST_OPSET} or newer; this graph has {version} and could not be raised: "
            f"{error}. Export it again with a newer opset."
        ) from None


def _copy(graph: onnx.ModelProto) -> onnx.ModelProto:
    copied = onnx.ModelProto()
    copied.CopyFrom(graph)
    return copied


def _put_first(body: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> None:
    rest = list(body.node)
    del body.node[:]
    body.node.extend(nodes + rest)
