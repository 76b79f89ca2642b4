"""Reading and changing an ONNX graph: values of initializers, who reads a tensor, which names are still free."""

from collections import defaultdict
from collections.abc import Collection, Iterable

import numpy as np
import onnx
from onnx import numpy_helper

RECURRENT = ("LSTM", "GRU", "RNN")
FIRST_WITH_DEFAULTS = 4  # IR version since which an input that has a stored value is one that may change


def array(graph: onnx.ModelProto, name: str) -> np.ndarray:
    """The values of an initializer, as a private copy."""
    tensor = next(tensor for tensor in graph.graph.initializer if tensor.name == name)
    return numpy_helper.to_array(tensor).copy()


def shape_of(graph: onnx.ModelProto, name: str) -> tuple[int, ...]:
    """The shape of an initializer."""
    return tuple(next(tensor for tensor in graph.graph.initializer if tensor.name == name).dims)


def attribute(node: onnx.NodeProto, name: str, default):
    """The value of a node's attribute, or `default` where it has none."""
    found = next((a for a in node.attribute if a.name == name), None)
    return default if found is None else onnx.helper.get_attribute_value(found)


def readers(graph: onnx.ModelProto) -> dict[str, list[onnx.NodeProto]]:
    """Tensor name -> the nodes that read it."""
    found = defaultdict(list)
    for node in graph.graph.node:
        for name in dict.fromkeys(node.input):
            found[name].append(node)
    return found


def lift_constants(graph: onnx.ModelProto) -> None:
    """Turn Constant nodes into initializers, so that a constant looks the same wherever a file came from."""
    kept = []
    for node in graph.graph.node:
        value = _constant(node) if node.op_type == "Constant" else None
        if value is None:
            kept.append(node)
        else:
            graph.graph.initializer.add().CopyFrom(value)
            graph.graph.initializer[-1].name = node.output[0]
    replace_nodes(graph, kept)


def feedable(graph: onnx.ModelProto, names: Collection[str]) -> onnx.ModelProto:
    """A copy into which these stored tensors may be fed: to a runtime they are no constants, but values by default."""
    found = onnx.ModelProto()
    found.CopyFrom(graph)
    found.ir_version = max(graph.ir_version, FIRST_WITH_DEFAULTS)
    found.graph.input.extend(
        onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        for tensor in graph.graph.initializer
        if tensor.name in names
    )
    return found


def replace_nodes(graph: onnx.ModelProto, nodes: Iterable[onnx.NodeProto]) -> None:
    """Give the graph these nodes, in this order, and drop what was only true of the old ones."""
    kept = [copied(node) for node in nodes]
    del graph.graph.node[:], graph.graph.value_info[:]
    graph.graph.node.extend(kept)


def keep_attributes(node: onnx.NodeProto, kept: list[onnx.AttributeProto]) -> None:
    """Give a node these attributes and no others."""
    copies = []
    for one in kept:
        copies.append(onnx.AttributeProto())
        copies[-1].CopyFrom(one)
    del node.attribute[:]
    node.attribute.extend(copies)


def copied(node: onnx.NodeProto) -> onnx.NodeProto:
    """A private copy of a node."""
    twin = onnx.NodeProto()
    twin.CopyFrom(node)
    return twin


def store(graph: onnx.ModelProto, name: str, values: np.ndarray) -> None:
    """Add an initializer, or replace the one of that name."""
    tensor = numpy_helper.from_array(np.asarray(values, order="C"), name)
    for old in graph.graph.initializer:
        if old.name == name:
            old.CopyFrom(tensor)
            return
    graph.graph.initializer.append(tensor)


def drop_unread(graph: onnx.ModelProto) -> None:
    """Remove initializers that no node reads any more."""
    read = {name for node in graph.graph.node for name in node.input} | {out.name for out in graph.graph.output}
    kept = [tensor for tensor in graph.graph.initializer if tensor.name in read]
    if len(kept) < len(graph.graph.initializer):
        twins = [onnx.TensorProto() for _ in kept]
        for twin, tensor in zip(twins, kept, strict=True):
            twin.CopyFrom(tensor)
        del graph.graph.initializer[:]
        graph.graph.initializer.extend(twins)


def free_name(graph: onnx.ModelProto, wish: str, taken: set[str]) -> str:
    """`wish`, or with a number behind it where the graph has that name already; noted in `taken`."""
    if not taken:
        taken.update(tensor.name for tensor in (*graph.graph.initializer, *graph.graph.input, *graph.graph.output))
        taken.update(name for node in graph.graph.node for name in (*node.input, *node.output))
    return unique(wish, taken)


def unique(wish: str, taken: set[str]) -> str:
    """`wish`, or with a number behind it where it is taken already; noted in `taken`."""
    name, number = wish, 1
    while name in taken:
        number += 1
        name = f"{wish}_{number}"
    taken.add(name)
    return name


def _constant(node: onnx.NodeProto) -> onnx.TensorProto | None:
    """What a Constant node holds; None for text and sparse tensors, which no initializer stands for."""
    held = node.attribute[0]
    if held.name == "value":
        return held.t
    kind = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
    if held.name not in kind:
        return None
    return numpy_helper.from_array(np.array(onnx.helper.get_attribute_value(held), kind[held.name]))
