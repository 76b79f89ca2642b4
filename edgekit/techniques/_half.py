"""Rewriting a float32 graph so that its tensors are float16, with a Cast wherever the two meet."""

from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgekit.models.graphs import (
    copied,
    drop_unread,
    free_name,
    replace_nodes,
    store,
)

LARGEST = float(np.finfo(np.float16).max)
STAY_FLOAT = frozenset(
    # The output's type is an attribute, or the operator exists in float32 only, or it sums over many numbers.
    ["Cast", "CastLike", "ConstantOfShape", "EyeLike", "RandomNormal", "RandomNormalLike", "RandomUniform"]
    + ["RandomUniformLike", "Multinomial", "Bernoulli", "Range", "CumSum", "TopK", "NonMaxSuppression", "RoiAlign"]
    + ["Resize", "Upsample", "Loop", "If", "Scan", "SequenceMap"]
)


@dataclass(frozen=True)
class _Draft:
    """A graph while it is rewritten.

    Attributes:
        types: element type of every tensor in the original.
        nodes: written so far, in order.
        twin: tensor -> its name in the other precision, once there is one.
        half: tensors that are now float16 under their own name.
        taken: names in use.
    """

    graph: onnx.ModelProto
    types: dict[str, int]
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    twin: dict[str, str] = field(default_factory=dict)
    half: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)


def to_half(graph: onnx.ModelProto, stay: set[str]) -> None:
    """Make everything float16 in place, but for the graph's inputs and outputs.

    Args:
        stay: outputs of the nodes that are to stay in float32.
    """
    types = _types(graph)
    stored = {tensor.name for tensor in graph.graph.initializer if tensor.data_type == TensorProto.FLOAT}
    outputs = {out.name for out in graph.graph.output}
    floats = [node for node in graph.graph.node if node.output[0] in stay or node.op_type in STAY_FLOAT]
    stay_float, float_reads = {node.output[0] for node in floats}, {name for node in floats for name in node.input}
    draft = _Draft(graph, types)
    for name in sorted(stored - float_reads - outputs):
        store(graph, name, rounded(_values(graph, name)))
        draft.half.add(name)
    for node in graph.graph.node:
        written, wants_half = copied(node), node.output[0] not in stay_float
        for place, name in enumerate(node.input):
            if types.get(name) == TensorProto.FLOAT and (name in draft.half) != wants_half:
                written.input[place] = _other_precision(draft, name, name in stored)
        draft.nodes.append(written)
        for place, name in enumerate(node.output):
            if not wants_half or types.get(name) != TensorProto.FLOAT:
                continue
            if name in outputs:
                written.output[place] = draft.twin[name] = free_name(graph, f"{name}_half", draft.taken)
                draft.nodes.append(helper.make_node("Cast", [written.output[place]], [name], to=TensorProto.FLOAT))
            else:
                draft.half.add(name)
    replace_nodes(graph, draft.nodes)
    drop_unread(graph)


def rounded(values: np.ndarray) -> np.ndarray:
    """float16 of the nearest value; what is too large becomes the largest, never infinite."""
    return np.clip(values, -LARGEST, LARGEST).astype(np.float16)


def _other_precision(draft: _Draft, name: str, is_stored: bool) -> str:
    """The name under which a tensor can be read in the precision that it does not have."""
    if name not in draft.twin:
        to_float = name in draft.half
        draft.twin[name] = twin = free_name(draft.graph, f"{name}_{'float' if to_float else 'half'}", draft.taken)
        if is_stored and not to_float:
            store(draft.graph, twin, rounded(_values(draft.graph, name)))
        else:
            kind = TensorProto.FLOAT if to_float else TensorProto.FLOAT16
            draft.nodes.append(helper.make_node("Cast", [name], [twin], to=kind))
    return draft.twin[name]


def _types(graph: onnx.ModelProto) -> dict[str, int]:
    inferred = onnx.shape_inference.infer_shapes(graph).graph
    values = (*inferred.input, *inferred.output, *inferred.value_info)
    types = {value.name: value.type.tensor_type.elem_type for value in values}
    return types | {tensor.name: tensor.data_type for tensor in inferred.initializer}


def _values(graph: onnx.ModelProto, name: str) -> np.ndarray:
    return numpy_helper.to_array(next(tensor for tensor in graph.graph.initializer if tensor.name == name))
