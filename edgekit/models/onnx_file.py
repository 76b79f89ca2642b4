"""An ONNX file that came from elsewhere, as everything here expects a graph: constants among the initializers, layers
with names that a person can read, any batch size, and one input where the others follow from it. Inputs and outputs
keep their names."""

import numpy as np
import onnx
from onnx import TensorProto, helper

from edgekit.models._twin_names import layer_names
from edgekit.models.graphs import array, free_name, lift_constants, readers, store

BATCH = "batch"
MASKS = ("attention_mask", "input_mask")  # 1 for each word piece, 0 behind the end
SEGMENTS = ("token_type_ids", "segment_ids", "token_type_id")  # which of two texts a piece is of; here there is one
WHOLE = (TensorProto.INT32, TensorProto.INT64)


def opened(content: bytes) -> onnx.ModelProto:
    """The graph in a file that passed the quarantine."""
    graph = onnx.load_model_from_string(content)
    lift_constants(graph)
    _take_pieces_alone(graph)
    _name_nodes(graph)
    _free_batch(graph)
    return graph


def fixed_to(graph: onnx.ModelProto, shape: tuple[int, ...]) -> onnx.ModelProto:
    """The same graph, in place, whose dimensions behind the batch have the sizes of what it is fed: `shape`, of one.

    A free height, width or length would leave open what multiplications and latency are counted of.
    """
    sizes = {}
    for dim, size in zip(inputs(graph)[0].type.tensor_type.shape.dim[1:], shape, strict=False):
        if dim.dim_param:
            sizes[dim.dim_param] = size
        dim.dim_value = size
    for value in (*graph.graph.output, *graph.graph.value_info):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in sizes:
                dim.dim_value = sizes[dim.dim_param]
    return graph


def inputs(graph: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """What a caller must feed: old files list their weights among the inputs as well."""
    stored = {tensor.name for tensor in graph.graph.initializer}
    return [value for value in graph.graph.input if value.name not in stored]


def _take_pieces_alone(graph: onnx.ModelProto) -> None:
    """Of a network for texts, work the mask and the segments out inside, of its word pieces, of which 0 is none.

    So files for texts have one input, as all others. A graph that takes anything else besides stays as it is.
    """
    given = inputs(graph)
    derived = [value for value in given if value.name in MASKS + SEGMENTS]
    rest = [value for value in given if value not in derived]
    if not derived or len(rest) != 1 or rest[0].type.tensor_type.elem_type not in WHOLE:
        return
    pieces, taken = rest[0], set()
    nothing = free_name(graph, "no_piece", taken)
    store(graph, nothing, np.array(0, helper.tensor_dtype_to_np_dtype(pieces.type.tensor_type.elem_type)))
    nodes = []
    for value in derived:
        first = free_name(graph, f"{value.name}.whole", taken)
        if value.name in MASKS:
            over = free_name(graph, f"{value.name}.over", taken)
            nodes += [
                helper.make_node("Equal", [pieces.name, nothing], [over]),
                helper.make_node("Not", [over], [first]),
            ]
        else:
            nodes.append(helper.make_node("Mul", [pieces.name, nothing], [first]))
        nodes.append(helper.make_node("Cast", [first], [value.name], to=value.type.tensor_type.elem_type))
        graph.graph.input.remove(value)
    nodes += graph.graph.node
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)


def _name_nodes(graph: onnx.ModelProto) -> None:
    """Call each node as the trainable twin of the file does: patterns for layers then mean the same in both."""
    for node, name in zip(graph.graph.node, layer_names(graph, {}), strict=True):
        node.name = name


def _free_batch(graph: onnx.ModelProto) -> None:
    """Let the first dimension of what goes in and out be any, and each shape that a node is given keep it.

    What changes is only true if the first dimension of those tensors is the batch; whoever feeds a batch of another
    size to the result sees whether that is so.
    """
    first, read = inputs(graph)[0].type.tensor_type.shape.dim, readers(graph)
    size = first[0].dim_value if first else 0
    for value in (*inputs(graph), *graph.graph.output):
        if dims := value.type.tensor_type.shape.dim:
            dims[0].Clear()
            dims[0].dim_param = BATCH
    if not size:
        return
    del graph.graph.value_info[:]
    for tensor in list(graph.graph.initializer):
        if not read[tensor.name] or any(node.op_type != "Reshape" for node in read[tensor.name]):
            continue
        shape = array(graph, tensor.name)
        if len(shape) and shape[0] == size:
            store(graph, tensor.name, np.array([0, *shape[1:]], np.int64))  # 0: as it is in what is reshaped
