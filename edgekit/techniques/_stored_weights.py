"""The weights of a graph that a quantization step has been over, whichever way it holds them, and zeros put into them.

A layer reads its weight as it lies in the file, or through a Cast, or through a DequantizeLinear; or it is an integer
operator, whose scales come after it. What a zero is depends on that: a float zero, the zero point of the codes, or the
place of 0 in a codebook, which gets a zero if it has none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import onnx
from onnx import numpy_helper

from edgekit.core.encoding import Codebook, Encoding, Stored
from edgekit.models.graphs import array, attribute, readers, store

_THROUGH = ("Cast", "DequantizeLinear")
MOST_VALUES = 256  # of a codebook, whose codes have 8 bits at most
_CONVOLUTIONS = ("Conv", "FusedConv", "ConvInteger", "ConvTranspose")
_PRODUCTS = ("Gemm", "FusedGemm", "MatMul", "FusedMatMul", "MatMulInteger")


@dataclass(frozen=True)
class StoredWeight:
    """The weight of one layer, as the file will hold it.

    Attributes:
        layer: name of the node.
        tensor: name of the initializer.
        axis: of the output channels.
        held: what the initializer holds.
        encoding: how `held` becomes weights; None where it holds them as floats.
    """

    layer: str
    tensor: str
    axis: int
    held: np.ndarray
    encoding: Stored | None

    def values(self) -> np.ndarray:
        """The float32 weights that a runtime computes with, in the shape in which they are stored."""
        return self.held.astype(np.float32) if self.encoding is None else self.encoding.decode()

    def zeros(self) -> np.ndarray | None:
        """What means zero at every place; None where a codebook is too long to get a zero."""
        if self.encoding is None:
            return np.zeros_like(self.held)
        if isinstance(self.encoding, Encoding):
            return _zero_points(self.encoding)
        places = np.flatnonzero(self.encoding.values == 0)
        place = int(places[0]) if len(places) else len(self.encoding.values)
        return np.full_like(self.encoding.codes, place) if place < MOST_VALUES else None

    def put_zeros(self, graph: onnx.ModelProto, mask: np.ndarray) -> Stored | None:
        """Write zeros into the graph where `mask` is True, and return the encoding that says so, if there is one."""
        zeros = self.zeros()
        if self.encoding is None:
            store(graph, self.tensor, np.where(mask, zeros, self.held))
            return None
        encoding = replace(self.encoding, codes=np.where(mask, zeros, self.encoding.codes))
        if isinstance(encoding, Codebook) and not (encoding.values == 0).any():
            values = np.append(encoding.values, np.zeros(1, encoding.values.dtype))
            encoding = replace(encoding, values=values, bits=max(encoding.bits, (len(values) - 1).bit_length()))
        in_float = self.held.dtype == np.float32
        store(graph, self.tensor, encoding.decode() if in_float else encoding.codes.astype(self.held.dtype))
        return encoding


def stored_weights(graph: onnx.ModelProto, encodings: Mapping[str, Stored]) -> list[StoredWeight]:
    """Every convolution's and matrix product's weight, in the order of the graph; one that layers share comes once.

    Args:
        graph: without Constant nodes.
        encodings: what earlier steps said of its initializers.
    """
    kinds = {tensor.name: tensor.data_type for tensor in graph.graph.initializer}
    makers = {name: node for node in graph.graph.node for name in node.output}
    found: dict[str, StoredWeight] = {}
    for node in graph.graph.node:
        if node.op_type not in (*_CONVOLUTIONS, *_PRODUCTS):
            continue
        tensor, decoding = node.input[1], None
        while tensor in makers and makers[tensor].op_type in _THROUGH:
            decoding = makers[tensor] if makers[tensor].op_type == "DequantizeLinear" else decoding
            tensor = makers[tensor].input[0]
        if tensor not in kinds or tensor in found:
            continue
        held, axis, encoding = array(graph, tensor), _axis(node), encodings.get(tensor)
        if node.op_type in _PRODUCTS and held.ndim != 2:
            continue
        try:
            if encoding is None and decoding is not None:
                encoding = _of_decoding(graph, decoding, held)
            if node.op_type.endswith("Integer"):
                encoding = _of_integers(graph, node, held, axis)
        except LookupError:
            continue  # a form that no technique here writes
        found[tensor] = StoredWeight(node.name or tensor.removesuffix(".weight"), tensor, axis, held, encoding)
    return list(found.values())


def _axis(node: onnx.NodeProto) -> int:
    if node.op_type in _PRODUCTS:
        return 0 if attribute(node, "transB", 0) else 1
    return 1 if node.op_type == "ConvTranspose" else 0


def _of_decoding(graph: onnx.ModelProto, node: onnx.NodeProto, codes: np.ndarray) -> Encoding:
    """What a DequantizeLinear says of the codes it reads."""
    scale = array(graph, node.input[1])
    if scale.ndim > 1:
        raise LookupError("scales of blocks")
    zero = array(graph, node.input[2]) if len(node.input) > 2 and node.input[2] else np.zeros(scale.shape, codes.dtype)
    axis = attribute(node, "axis", 1) if scale.ndim else 0
    return Encoding(codes, scale.reshape(-1), zero.reshape(-1), 8, axis)


def _of_integers(graph: onnx.ModelProto, node: onnx.NodeProto, codes: np.ndarray, axis: int) -> Encoding:
    """What MatMulInteger or ConvInteger says of its weights; their scales come behind it, in Cast → Mul → Mul."""
    stored = {tensor.name: tensor for tensor in graph.graph.initializer}
    zero = array(graph, node.input[3]) if len(node.input) > 3 and node.input[3] else np.zeros(1, codes.dtype)
    read_by, makers = readers(graph), {name: maker for maker in graph.graph.node for name in maker.output}
    cast = read_by[node.output[0]][0]
    product = read_by[cast.output[0]][0]
    other = next(name for name in product.input if name != cast.output[0])
    factors = [other, *(makers[other].input if other in makers else [])]
    scale = numpy_helper.to_array([stored[name] for name in factors if name in stored][0]).reshape(-1)
    return Encoding(codes, scale, np.broadcast_to(zero.reshape(-1), scale.shape), 8, axis)


def _zero_points(encoding: Encoding) -> np.ndarray:
    """The zero point of every code, in the shape of the codes."""
    moved = np.moveaxis(encoding.codes, encoding.axis, 0)
    rows = moved.reshape(*np.shape(encoding.scale), -1)
    spread = np.broadcast_to(encoding.zero_point[..., None], rows.shape).astype(encoding.codes.dtype)
    return np.ascontiguousarray(np.moveaxis(spread.reshape(moved.shape), 0, encoding.axis))
