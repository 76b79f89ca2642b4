"""A file layer by layer: what is stored, what it costs, and the weights that the runtime will compute with.

Works on any ONNX file, whichever way it holds its weights: float, half, quantize–dequantize pairs, integer operators,
or packed codes. What a layer's weights are is not guessed from names: the constant part of the graph is run.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.inliner
from google.protobuf.message import DecodeError

from edgekit.artifacts.constants import Constants, constants
from edgekit.artifacts.filling import unfilled
from edgekit.artifacts.operators import MULTIPLYING, ROLES, Roles
from edgekit.artifacts.shapes import Shapes, macs, shapes
from edgekit.artifacts.unpacking import DOMAIN
from edgekit.core.errors import ModelError
from edgekit.core.files import sha256
from edgekit.models.graphs import RECURRENT

_KEPT = 64
_tables: OrderedDict[str, tuple[list[dict[str, Any]], int]] = OrderedDict()
_lock = threading.Lock()


def layers(path: Path) -> list[dict[str, Any]]:
    """One row per layer, in the order of the graph.

    Keys: layer, kind, params (weights and biases), macs (for one sample; None if a shape is not known), weight_bits
    (stored for its weights, with scales, zero points and where they lie), bits (of one weight that is stored), zeros
    (share of weights that are 0), clusters (how many values the weights share; None where they share none), shape (of
    the weight, a list), channels (of the output; None where the layer multiplies two inputs), groups (that a
    convolution's channels are split into; as many as it has where it is depthwise).

    Raises:
        ModelError: no such file, or no ONNX file.
    """
    return [dict(row) for row in _table(path)[0]]


def stored_weight_bits(path: Path) -> int:
    """Bits stored for all weights, with scales and zero points; what layers share is counted once."""
    return _table(path)[1]


def weights(path: Path) -> dict[str, np.ndarray]:
    """Layer -> float32 weights as the runtime uses them, for every layer that multiplies by stored weights."""
    file = _open(_bytes(path), path)
    return {layer.name: layer.weight(file.constants) for layer in file.layers if layer.parts}


def opened(path: Path) -> File:
    """The layers of a file with its constants, of which those that layers read are worked out.

    Raises:
        ModelError: no such file, or no ONNX file.
    """
    return _open(_bytes(path), path)


def stored_form(known: Constants, weight: str) -> tuple[int, int | None]:
    """Bits of each stored weight, and the size of the codebook if there is one: found by going back along the chain."""
    name, clusters = weight, None
    while name in known.made_by:
        node = known.made_by[name]
        name = next((given for given in node.input if given in known), "")  # what is decoded so far comes first
        if node.domain == DOMAIN and node.op_type == "Looked":
            clusters = math.prod(known.stored[node.input[1]].dims)
        if node.domain == DOMAIN and node.op_type == "Codes":
            return known.stored[name].dims[0], clusters
    if name in known.stored:
        return _bits_of_type(known.stored[name].data_type), clusters
    return 8 * known.values[weight].itemsize, clusters


@dataclass(frozen=True)
class Layer:
    """A node with the names of its constants by role; `parts` is empty where it has none."""

    name: str
    node: onnx.NodeProto
    roles: Roles
    parts: dict[str, str]

    def weight(self, values: Constants) -> np.ndarray:
        """float32, in the shape in which it is stored."""
        weight = values.values[self.parts["weight"]]
        if "scale" not in self.parts:
            return weight.astype(np.float32)
        zero = values.values[self.parts["zero"]].astype(np.int32) if "zero" in self.parts else np.int32(0)
        scale = values.values[self.parts["scale"]].astype(np.float32)
        return (weight.astype(np.int32) - self._along(zero, weight)) * self._along(scale, weight)

    def channel_axis(self) -> int:
        """The weight's axis of output channels."""
        if self.roles.kind == "Gemm":
            return 0 if any(a.name == "transB" and a.i for a in self.node.attribute) else 1
        if self.roles.kind in ("ConvTranspose", *RECURRENT):
            return 1
        return 0 if self.roles.kind == "Conv" else -1

    def _along(self, value: np.ndarray, weight: np.ndarray) -> np.ndarray:
        if value.size == 1:
            return value.reshape(())
        shape = [1] * weight.ndim
        shape[self.channel_axis()] = -1
        return value.reshape(shape)


@dataclass(frozen=True)
class File:
    """The layers in the order of the graph, all constants, and the sizes of all tensors."""

    layers: list[Layer]
    constants: Constants
    sizes: Shapes


def _table(path: Path) -> tuple[list[dict[str, Any]], int]:
    data = _bytes(path)
    key = sha256(data)
    with _lock:
        if key in _tables:
            _tables.move_to_end(key)
            return _tables[key]
    file = _open(data, path)
    rows = [_row(layer, file) for layer in file.layers]
    sources = set().union(*(_sources(layer, file.constants) for layer in file.layers))
    table = rows, sum(_stored_bits(file.constants, name) for name in sources)
    with _lock:
        _tables[key] = table
        while len(_tables) > _KEPT:
            _tables.popitem(last=False)
    return table


def _bytes(path: Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ModelError(f"an ONNX file must lie at {path}, but it cannot be read ({error.strerror}).") from None


def _open(data: bytes, path: Path) -> File:
    try:
        graph = unfilled(onnx.load_model_from_string(data))
    except DecodeError:
        raise ModelError(f"{path} must be an ONNX file, but its {len(data):,} bytes are not one.") from None
    graph, known = _without_functions(graph)
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.graph.node:
        for name in dict.fromkeys(node.input):
            readers.setdefault(name, []).append(node)
    makers = {name: node for node in graph.graph.node for name in node.output}
    try:
        sizes = shapes(graph, known)
    except Exception as error:  # ONNX Runtime's exceptions have no base class of their own
        raise ModelError(
            f"the constants of {path} must be ones that ONNX Runtime can work out, but it says: {error}. "
            "Check the file with onnx.checker, and export it again."
        ) from None
    found = [
        layer
        for number, node in enumerate(graph.graph.node)
        if node.op_type in ROLES and node.output[0] not in known
        if (layer := _layer(node, number, known, readers, makers)) is not None
    ]
    return File(found, known, sizes)


def _without_functions(graph: onnx.ModelProto) -> tuple[onnx.ModelProto, Constants]:
    """The graph with layers in plain sight; functions of constants alone, such as unpacking, stay as they are."""
    known = constants(graph)
    functions = {(function.domain, function.name) for function in graph.functions}
    if all((node.domain, node.op_type) not in functions or node.output[0] in known for node in graph.graph.node):
        return graph, known
    graph = onnx.inliner.inline_local_functions(graph)
    return graph, constants(graph)


def _layer(node: onnx.NodeProto, number: int, known: Constants, readers: dict, makers: dict) -> Layer | None:
    roles = ROLES[node.op_type]
    places = {"weight": roles.weight, "bias": roles.bias, "scale": roles.scale, "zero": roles.zero}
    places |= {f"other{place}": place for place in roles.others}
    parts = {role: name for role, place in places.items() if (name := _input(node, place)) and name in known}
    name = node.name or f"{node.op_type}_{number}"
    if "weight" not in parts:
        return Layer(name, node, roles, {}) if roles.kind == "MatMul" else None
    if roles.kind == "Embedding" and known.values[parts["weight"]].dtype.kind != "f":
        after = readers.get(node.output[0], [])
        if [one.op_type for one in after] != ["DequantizeLinear"] or after[0].input[1] not in known:
            return None  # looking up a number in a shape is no layer
        parts |= {"scale": after[0].input[1]} | ({"zero": after[0].input[2]} if len(after[0].input) > 2 else {})
    if roles.kind == "MatMul" or node.op_type.endswith("Integer"):
        parts |= _what_follows(node, known, readers, makers)
    return Layer(name, node, roles, parts)


def _what_follows(node: onnx.NodeProto, known: Constants, readers: dict, makers: dict) -> dict[str, str]:
    """The scale and the bias that come in nodes of their own: MatMulInteger → Cast → Mul by scales → Add."""
    found: dict[str, str] = {}
    while len(following := readers.get(node.output[0], [])) == 1:
        before, node = node, following[0]
        other = next((name for name in node.input if name != before.output[0]), "")
        if node.op_type == "Add" and other in known:
            return found | {"bias": other}
        if node.op_type == "Mul" and "scale" not in found:
            factors = [other, *(makers[other].input if other in makers else [])]
            scale = next((name for name in factors if name in known), None)
            found |= {} if scale is None else {"scale": scale}
        elif node.op_type != "Cast":
            break
    return found


def _input(node: onnx.NodeProto, place: int | None) -> str:
    return node.input[place] if place is not None and place < len(node.input) else ""


def _row(layer: Layer, file: File) -> dict[str, Any]:
    kind = layer.roles.kind
    row = {"layer": layer.name, "kind": kind, "params": 0, "weight_bits": 0, "bits": 0, "zeros": 0.0, "shape": []}
    row |= {"clusters": None, "channels": None, "macs": macs(layer.node, file.sizes) if kind in MULTIPLYING else 0}
    row["groups"] = next((one.i for one in layer.node.attribute if one.name == "group"), 1)
    if not layer.parts:
        return row
    weight = layer.weight(file.constants)
    counted = [name for role, name in layer.parts.items() if role not in ("scale", "zero")]
    bits, clusters = stored_form(file.constants, layer.parts["weight"])
    return row | {
        "params": sum(file.constants.values[name].size for name in counted),
        "weight_bits": sum(_stored_bits(file.constants, name) for name in _sources(layer, file.constants)),
        "bits": bits,
        "zeros": float((weight == 0).mean()) if weight.size else 0.0,
        "clusters": clusters,
        "shape": list(weight.shape),
        "channels": weight.shape[layer.channel_axis()],
    }


def _sources(layer: Layer, known: Constants) -> set[str]:
    """The stored tensors that hold a layer's weights, not its bias."""
    roles = [role for role in layer.parts if role != "bias"]
    return set().union(*(known.sources(layer.parts[role]) for role in roles))


def _stored_bits(known: Constants, name: str) -> int:
    tensor = known.stored[name]
    return 8 * len(tensor.raw_data) or math.prod(tensor.dims) * _bits_of_type(tensor.data_type)


def _bits_of_type(kind: int) -> int:
    if kind in (onnx.TensorProto.INT4, onnx.TensorProto.UINT4):
        return 4
    return 8 * onnx.helper.tensor_dtype_to_np_dtype(kind).itemsize
