"""Leave out of a graph what no runtime needs: on a small network the names weigh as much as many of the weights.

Kept as they are: inputs, outputs, and the names of nodes that work with constants, which are the layers' names.
"""

import itertools
import string
from collections.abc import Iterable, Iterator

import onnx

_DIGITS = string.digits + string.ascii_lowercase
_SMALL = 4096  # bytes
_CONVERSIONS = ("QuantizeLinear", "DequantizeLinear", "Reshape", "Constant", "Cast")


def slim(graph: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of the same network in fewer bytes: equal small constants shared, tensors under short names."""
    slimmed = onnx.ModelProto()
    slimmed.CopyFrom(graph)
    for field in ("producer_name", "producer_version", "doc_string", "metadata_props"):
        slimmed.ClearField(field)
    body = slimmed.graph
    body.name = "edgekit"
    for field in ("value_info", "doc_string", "metadata_props", "quantization_annotation"):
        body.ClearField(field)
    for node in body.node:
        node.ClearField("doc_string")
        node.ClearField("metadata_props")
    for function in slimmed.functions:
        if not _branches(function.node):
            _shorten_function(function)
    if not _refers_by_name(body):
        _share_constants(body)
        _name_layers(body)
        _shorten(body)
    return slimmed


def _refers_by_name(body: onnx.GraphProto) -> bool:
    """Whether names are used where renaming does not look: in branches and loops, and by sparse constants."""
    return _branches(body.node) or bool(body.sparse_initializer)


def _branches(nodes: Iterable[onnx.NodeProto]) -> bool:
    return any(a.HasField("g") or a.graphs for node in nodes for a in node.attribute)


def _share_constants(body: onnx.GraphProto) -> None:
    """Zero points, equal scales and shapes are stored once. Weights stay apart, so that each layer keeps its own."""
    outputs = {output.name for output in body.output} | {value.name for value in body.input}
    first: dict[tuple, str] = {}
    instead: dict[str, str] = {}
    kept = []
    for tensor in body.initializer:
        key = (tensor.data_type, tuple(tensor.dims), tensor.raw_data)
        if not tensor.raw_data or len(tensor.raw_data) > _SMALL or tensor.name in outputs:
            kept.append(tensor)
        elif key in first:
            instead[tensor.name] = first[key]
        else:
            first[key] = tensor.name
            kept.append(tensor)
    if instead:
        _rename(body, instead)
        copies = [onnx.TensorProto.FromString(tensor.SerializeToString()) for tensor in kept]
        del body.initializer[:]
        body.initializer.extend(copies)


def _name_layers(body: onnx.GraphProto) -> None:
    """Nodes that work with constants of their own are layers and need a name; the others need none."""
    constants = {tensor.name for tensor in body.initializer}
    for number, node in enumerate(body.node):
        own = [name for name in node.input if name in constants]
        made_of_constants = len(own) == len([name for name in node.input if name])
        if made_of_constants:
            constants.update(node.output)
        if not own or made_of_constants or node.op_type in _CONVERSIONS:
            node.ClearField("name")
        elif not node.name:
            stem = own[0].rpartition(".")[0]
            node.name = stem or f"{node.op_type}_{number}"


def _shorten(body: onnx.GraphProto) -> None:
    kept = {value.name for value in (*body.input, *body.output)}
    names = (name for name in _short_names() if name not in kept)
    instead: dict[str, str] = {}
    for tensor in body.initializer:
        if tensor.name not in kept:
            instead[tensor.name] = next(names)
    for name in (name for node in body.node for name in node.output):
        if name and name not in kept:
            instead.setdefault(name, next(names))
    _rename(body, instead)
    for tensor in body.initializer:
        tensor.name = instead.get(tensor.name, tensor.name)


def _shorten_function(function: onnx.FunctionProto) -> None:
    """Callers know inputs and outputs by their position."""
    made = (name for node in function.node for name in node.output if name)
    instead = dict(zip(dict.fromkeys([*function.input, *made]), _short_names(), strict=False))
    _rename(function, instead)
    for names in (function.input, function.output):
        names[:] = [instead[name] for name in names]


def _rename(body: onnx.GraphProto | onnx.FunctionProto, instead: dict[str, str]) -> None:
    for node in body.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name in instead:
                    names[place] = instead[name]


def _short_names() -> Iterator[str]:
    """a, b, …, z, a0, a1, …"""
    yield from string.ascii_lowercase
    for length in itertools.count(1):
        for first, *rest in itertools.product(string.ascii_lowercase, *[_DIGITS] * length):
            yield first + "".join(rest)
