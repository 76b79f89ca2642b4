"""Weights of recurrent operators as 8-bit codes.

ONNX Runtime has no integer GRU: the codes are what lies in the file, and become floats once, when it is loaded.
"""

from collections.abc import Callable

import onnx
from onnx import TensorProto, helper

from edgekit.core.technique import Change
from edgekit.models.graphs import RECURRENT, array, copied, free_name, replace_nodes, store
from edgekit.techniques._codes import encode

WEIGHTS = (1, 2)  # which of their inputs are weights: of the series, and of the state


def recurrent_weights(graph: onnx.ModelProto, wanted: Callable[[str], bool]) -> dict[str, str]:
    """Layer -> float initializer, of those recurrent weights whose layers are `wanted` by name.

    An exporter may put weights into another order first; that is followed back.
    """
    makers = {name: node for node in graph.graph.node for name in node.output}
    stored = {t.name: t for t in graph.graph.initializer if t.data_type == TensorProto.FLOAT and len(t.dims) > 1}
    found = {}
    for node in graph.graph.node:
        for place in WEIGHTS if node.op_type in RECURRENT else ():
            for name in _sources(node.input[place], makers):
                if name in stored and wanted(name.removesuffix(".weight")):
                    found[name.removesuffix(".weight")] = name
    return found


def write_recurrent(graph: onnx.ModelProto, chosen: dict[str, str]) -> list[Change]:
    """Store these weights, in place, as codes with a scale per row: codes → Cast → Mul."""
    nodes, taken, decoded = [], set(), {}
    for name in chosen.values():
        weight = array(graph, name)
        codes = encode(weight, weight.ndim - 2, 8)
        floats, scale, decoded[name] = (free_name(graph, f"{name}_{what}", taken) for what in ("floats", "scale", "is"))
        store(graph, name, codes.codes)
        store(graph, scale, codes.scale.reshape([-1 if axis == weight.ndim - 2 else 1 for axis in range(weight.ndim)]))
        nodes.append(helper.make_node("Cast", [name], [floats], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [floats, scale], [decoded[name]]))
    for node in graph.graph.node:
        nodes.append(copied(node))
        nodes[-1].input[:] = [decoded.get(name, name) for name in node.input]
    replace_nodes(graph, nodes)
    return [Change(layer, "int8 weights with a scale per row, floats once loaded") for layer in chosen]


def _sources(name: str, makers: dict[str, onnx.NodeProto]) -> set[str]:
    """The tensors that this one is made of, back to those that no node makes."""
    found, waiting = set(), [name]
    while waiting:
        one = waiting.pop()
        if one in makers:
            waiting += makers[one].input
        else:
            found.add(one)
    return found
