"""A graph without weights, and how a network's weights come into it: as they are, transposed, or with batch
normalisation folded in.

    BN(conv(x)) = g · (W x + b − mean) / √(var + ε) + beta  =  (g / √(var + ε)) W x + (b − mean) · g / √(var + ε) + beta
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper

Values = dict[str, np.ndarray]
Fill = Callable[[Values], np.ndarray]

_ELEMENTWISE = ("Add", "Sub", "Mul", "Div", "Identity")


@dataclass(frozen=True)
class Template:
    """A graph whose float weights are missing.

    Attributes:
        bare: the graph without them.
        fills: initializer name -> how to make it from the network's named tensors.
    """

    bare: onnx.ModelProto
    fills: dict[str, Fill]

    def filled(self, values: Values) -> onnx.ModelProto:
        """A graph of its own with the weights of a network of this structure."""
        graph = onnx.ModelProto()
        graph.CopyFrom(self.bare)
        tensors = [
            numpy_helper.from_array(np.ascontiguousarray(fill(values)), name) for name, fill in self.fills.items()
        ]
        graph.graph.initializer.extend(tensors)
        return graph


def template(graph: onnx.ModelProto, tensors: set[str]) -> Template:
    """Take the initializers named in `tensors` out of `graph` (which is changed), fold, and name nodes as layers."""
    body = graph.graph
    fills: dict[str, Fill] = {t.name: _as_it_is(t.name) for t in body.initializer if t.name in tensors}
    kept = [t for t in body.initializer if t.name not in fills]
    _skip_identities(body, fills)
    _fold_transposes(body, fills)
    _fold_batch_norms(body, fills)
    used = {name for node in body.node for name in node.input} | {output.name for output in body.output}
    del body.initializer[:]
    body.initializer.extend(t for t in kept if t.name in used)
    _name_layers(body, fills)
    _strip(graph)
    return Template(graph, {name: fill for name, fill in fills.items() if name in used})


def _as_it_is(name: str) -> Fill:
    return lambda values: values[name]


def _skip_identities(body: onnx.GraphProto, fills: dict[str, Fill]) -> None:
    """A weight that two layers share is exported once, with an Identity to its second name."""
    for node in [n for n in body.node if n.op_type == "Identity" and n.input[0] in fills]:
        if all(node.output[0] != output.name for output in body.output):
            _rename_input(body, node.output[0], node.input[0])
            body.node.remove(node)


def _fold_transposes(body: onnx.GraphProto, fills: dict[str, Fill]) -> None:
    """A Linear on more than two axes is exported as MatMul by a transposed weight: store the weight transposed."""
    for node in [n for n in body.node if n.op_type == "Transpose" and n.input[0] in fills]:
        name, result = node.input[0], node.output[0]
        if sum(name in other.input for other in body.node) > 1:
            continue
        order = next((list(a.ints) for a in node.attribute if a.name == "perm"), None)
        fills[name] = _transposed(fills[name], order)
        _rename_input(body, result, name)
        body.node.remove(node)


def _transposed(fill: Fill, order: list[int] | None) -> Fill:
    return lambda values: fill(values).transpose(order)


def _fold_batch_norms(body: onnx.GraphProto, fills: dict[str, Fill]) -> None:
    for norm in [n for n in body.node if n.op_type == "BatchNormalization"]:
        layer = next((n for n in body.node if norm.input[0] in n.output), None)
        if layer is None or not _can_fold(body, layer, norm, fills):
            continue
        weight, axis = layer.input[1], _output_axis(layer)
        bias = layer.input[2] if len(layer.input) > 2 and layer.input[2] else ""
        epsilon = next((a.f for a in norm.attribute if a.name == "epsilon"), 1e-5)
        parts = tuple(fills[name] for name in norm.input[1:5])
        new_bias = bias or f"{weight.removesuffix('.weight')}.bias"
        fills[new_bias] = _folded_bias(fills.get(bias), parts, epsilon)
        fills[weight] = _folded_weight(fills[weight], parts, epsilon, axis)
        del layer.input[2:]
        layer.input.append(new_bias)
        if any(norm.output[0] == output.name for output in body.output):
            layer.output[0] = norm.output[0]
        _rename_input(body, norm.output[0], layer.output[0])
        body.node.remove(norm)


def _can_fold(body: onnx.GraphProto, layer: onnx.NodeProto, norm: onnx.NodeProto, fills: dict[str, Fill]) -> bool:
    """Only where nobody else sees the layer's output or shares its weights."""
    if layer.op_type not in ("Conv", "ConvTranspose", "Gemm") or not set(norm.input[1:5]) <= set(fills):
        return False
    own = [name for name in layer.input[1:3] if name]
    if not set(own) <= set(fills) or (layer.op_type == "ConvTranspose" and _attribute(layer, "group", 1) != 1):
        return False
    if layer.op_type == "Gemm" and (_attribute(layer, "beta", 1.0) != 1.0 or _attribute(layer, "alpha", 1.0) != 1.0):
        return False
    seen_elsewhere = any(layer.output[0] in node.input for node in body.node if node is not norm)
    is_output = any(layer.output[0] == output.name for output in body.output)
    shared = any(name in node.input for name in own for node in body.node if node is not layer)
    return not (seen_elsewhere or is_output or shared)


def _output_axis(layer: onnx.NodeProto) -> int:
    """The axis of the weight that runs over output channels."""
    if layer.op_type == "Gemm":
        return 0 if _attribute(layer, "transB", 0) else 1
    return 1 if layer.op_type == "ConvTranspose" else 0


def _folded_weight(weight: Fill, parts: tuple[Fill, ...], epsilon: float, axis: int) -> Fill:
    def fill(values: Values) -> np.ndarray:
        before = weight(values)
        gain, _, _, variance = (part(values).astype(np.float64) for part in parts)
        shape = [1] * before.ndim
        shape[axis] = -1
        return (before * (gain / np.sqrt(variance + epsilon)).reshape(shape)).astype(before.dtype)

    return fill


def _folded_bias(bias: Fill | None, parts: tuple[Fill, ...], epsilon: float) -> Fill:
    def fill(values: Values) -> np.ndarray:
        gain, beta, mean, variance = (part(values).astype(np.float64) for part in parts)
        before = bias(values) if bias else 0.0
        return ((before - mean) * gain / np.sqrt(variance + epsilon) + beta).astype(parts[1](values).dtype)

    return fill


def _name_layers(body: onnx.GraphProto, fills: dict[str, Fill]) -> None:
    """Nodes take the name of the layer whose tensors they use; a second use of the same layer gets ":2"."""
    taken: dict[str, int] = {}
    for node in body.node:
        own = next((name for name in node.input if name in fills and "." in name), None)
        is_layer = own is not None and node.op_type not in _ELEMENTWISE
        name = own.rpartition(".")[0] if is_layer else node.name.strip("/").replace("/", ".")
        taken[name] = taken.get(name, 0) + 1
        node.name = name if taken[name] == 1 else f"{name}:{taken[name]}"


def _rename_input(body: onnx.GraphProto, before: str, after: str) -> None:
    for node in body.node:
        for place, name in enumerate(node.input):
            if name == before:
                node.input[place] = after


def _strip(graph: onnx.ModelProto) -> None:
    """Drop what only says where the graph came from."""
    graph.producer_name = graph.producer_version = graph.doc_string = ""
    del graph.metadata_props[:]
    for node in graph.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]


def _attribute(node: onnx.NodeProto, name: str, default: float) -> float:
    found = next((a for a in node.attribute if a.name == name), None)
    return default if found is None else onnx.helper.get_attribute_value(found)
