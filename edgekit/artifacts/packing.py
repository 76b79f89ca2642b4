"""Low-bit weights that are small on disk and cost nothing at run time, in any ONNX runtime, with no loader.

A code of n bits is stored as n bits: plane k holds bit k of every code, eight codes a byte. The graph itself turns them
back, with ordinary operators in a function that the file carries once for each width:

    bits = (planes >> [0 … 7]) & 1        (n, bytes, 8)
    codes = [1, 2, 4, …, −2ⁿ⁻¹] · bits    two's complement, so the last plane counts negative
    weights = scale · (codes − zero)      for float weights; 8-bit graphs take the codes as they are

All inputs are constants, so ONNX Runtime works this out once, while it loads, and then runs the same kernels as on an
unpacked file: float ones, or 8-bit ones where the codes feed a DequantizeLinear.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgekit.core.encoding import Encoding
from edgekit.core.errors import ModelError

DOMAIN = "edgekit"
_OLDEST_OPSET = 18  # BitwiseAnd

_UNPACK = """
    shifted = BitShift<direction = "RIGHT">(planes, steps)
    bits = BitwiseAnd(shifted, one)
    row_shape = Constant<value_ints = [{bits}, -1]>()
    rows = Reshape(bits, row_shape)
    places = Constant<value = int8[1, {bits}] {{{places}}}>()
    padded = MatMulInteger(places, rows)
    shape = Constant<value_ints: ints = @shape>()
    start = Constant<value_ints = [0]>()
    count = ReduceProd(shape)
    axis = Constant<value_ints = [1]>()
    flat = Slice(padded, start, count, axis)
    codes = Reshape(flat, shape)
"""


def pack(graph: onnx.ModelProto, encodings: dict[str, Encoding]) -> onnx.ModelProto:
    """A copy of `graph` that stores the codes of the encoded weights instead of the weights.

    Args:
        graph: holds, for each name, either the float32 weights that the codes decode to, or the codes as int8 where
            they feed a DequantizeLinear.
        encodings: weight initializer name -> codes, scales and zero points. Names that the graph no longer has are
            an error of the caller.

    Raises:
        ModelError: a graph too old for the operators that unpacking needs, which cannot be raised either.
    """
    packed = _modern(graph) if encodings else _copy(graph)
    tensors = {tensor.name: tensor for tensor in packed.graph.initializer}
    nodes, functions = [], {}
    for name, encoding in encodings.items():
        tensor = tensors[name]
        in_float = tensor.data_type == TensorProto.FLOAT
        stored = encoding.decode() if in_float else encoding.codes
        assert np.array_equal(numpy_helper.to_array(tensor), stored), f"{name} is not what its codes decode to"
        if encoding.bits == 8 and not in_float:
            continue
        packed.graph.initializer.remove(tensor)
        node, constants, function = _unpacking(name, encoding, in_float)
        packed.graph.initializer.extend(constants)
        nodes.append(node)
        functions[function] = (encoding, in_float)
    _put_first(packed.graph, nodes)
    version = next(o.version for o in packed.opset_import if o.domain in ("", "ai.onnx"))
    packed.functions.extend(_function(name, *functions[name], version) for name in sorted(functions))
    if functions:
        packed.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    return packed


def planes(codes: np.ndarray, bits: int) -> np.ndarray:
    """The bit planes of integers in [−2^(bits−1), 2^(bits−1) − 1]: (bits, ⌈n / 8⌉, 1) uint8, lowest bit first."""
    flat = codes.reshape(-1).astype(np.int8).view(np.uint8)  # (n,)
    rows = (flat >> np.arange(bits, dtype=np.uint8)[:, None]) & 1  # (bits, n)
    return np.packbits(rows, axis=1, bitorder="little")[:, :, None]


def _unpacking(name: str, encoding: Encoding, in_float: bool) -> tuple[onnx.NodeProto, list[TensorProto], str]:
    """The node that gives the weight its name back, the constants it reads, and the name of its function."""
    codes, bits = encoding.codes, encoding.bits
    inputs = {"codes": codes.astype(np.int8)} if bits == 8 else {"planes": planes(codes, bits)}
    if in_float:
        along = [1] * codes.ndim
        along[encoding.axis] = -1
        inputs["scale"] = encoding.scale.astype(np.float32).reshape(along)
        if encoding.zero_point.any():
            inputs["zero"] = encoding.zero_point.astype(np.int8).reshape(along)
    constants = [numpy_helper.from_array(np.ascontiguousarray(v), f"{name}.{key}") for key, v in inputs.items()]
    function = f"{'Weights' if in_float else 'Codes'}{bits}{'WithZero' if 'zero' in inputs else ''}"
    node = helper.make_node(function, [c.name for c in constants], [name], domain=DOMAIN)
    if bits < 8:
        node.attribute.append(helper.make_attribute("shape", list(codes.shape)))
    return node, constants, function


def _function(name: str, encoding: Encoding, in_float: bool, version: int) -> onnx.FunctionProto:
    """The function `name` in ONNX's own text form."""
    inputs = ["codes" if encoding.bits == 8 else "planes"]
    body = ""
    if encoding.bits < 8:
        places = [2**k for k in range(encoding.bits - 1)] + [-(2 ** (encoding.bits - 1))]
        body = """
    steps = Constant<value = uint8[8] {0, 1, 2, 3, 4, 5, 6, 7}>()
    one = Constant<value = uint8[1] {1}>()"""
        body += _UNPACK.format(bits=encoding.bits, places=", ".join(map(str, places)))
    if not in_float:
        body += f"    result = Cast<to = {TensorProto.INT8}>(codes)\n"
    else:
        inputs.append("scale")
        body += f"    number = Cast<to = {TensorProto.FLOAT}>(codes)\n"
        if name.endswith("WithZero"):
            inputs.append("zero")
            body += f"    offset = Cast<to = {TensorProto.FLOAT}>(zero)\n    centred = Sub(number, offset)\n"
        body += f"    result = Mul({'centred' if name.endswith('WithZero') else 'number'}, scale)\n"
    attributes = "<shape>" if encoding.bits < 8 else ""
    head = f'<domain: "{DOMAIN}", opset_import: ["" : {version}]>\n{name} {attributes}({", ".join(inputs)}) => (result)'
    return onnx.parser.parse_function(f"{head} {{\n{body}}}")


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
