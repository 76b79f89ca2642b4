"""An ONNX file that came from elsewhere, as everything here expects a graph: constants among the initializers, layers
with names that a person can read, and any batch size. Inputs and outputs keep their names."""

import numpy as np
import onnx

from edgekit.models._twin_names import layer_names
from edgekit.models.graphs import array, lift_constants, readers, store

BATCH = "batch"


def opened(content: bytes) -> onnx.ModelProto:
    """The graph in a file that passed the quarantine."""
    graph = onnx.load_model_from_string(content)
    lift_constants(graph)
    _name_nodes(graph)
    _free_batch(graph)
    return graph


def inputs(graph: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """What a caller must feed: old files list their weights among the inputs as well."""
    stored = {tensor.name for tensor in graph.graph.initializer}
    return [value for value in graph.graph.input if value.name not in stored]


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
