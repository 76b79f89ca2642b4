"""The trainable twin of an ONNX file: a PyTorch network of ordinary layers that answers as the file does.

With it pruning, fine-tuning, distillation and every other technique that works on networks also works on what somebody
uploads. onnx2torch translates operator by operator; here the graph is first rewritten so that ordinary layers come of
it, the layers get the names that the file has for them, and the result is compared with the file.

Refused, each with its reason: files that are quantized or not in float32, operators that onnx2torch does not know
(trees, recurrent layers, loops), and files whose batch size cannot be freed.
"""

import onnx
import torch
from torch import fx, nn

from edgekit.core.errors import ModelError
from edgekit.core.opset import opset
from edgekit.models._onnx2torch import onnx2torch
from edgekit.models._twin_check import check
from edgekit.models._twin_graph import prepared
from edgekit.models._twin_modules import arranged
from edgekit.models._twin_names import layer_names


def twin(graph: onnx.ModelProto) -> nn.Module:
    """A network in eval mode with the graph's weights, whose layers are called as in the file ("layer1.0.conv2").

    Convolutions, Gemm and MatMul by a stored matrix, and normalisations are torch's own layers. Inputs are given in the
    graph's order; several outputs come as a list.

    Args:
        graph: a float model; stays untouched. It is run once or twice on made-up inputs of its input shape.

    Raises:
        ModelError: which operator, or what else, stands in the way.
    """
    network = _network(graph)
    check(network, graph)
    return network


def _network(graph: onnx.ModelProto) -> nn.Module:
    ready, made_of = prepared(graph)
    names = layer_names(ready, made_of)
    for number, node in enumerate(ready.graph.node):
        node.name = f"node{number}"  # onnx2torch confuses nodes with inputs of the same name
    with torch.random.fork_rng():  # torch fills layers with random numbers before they get the file's
        return arranged(_converted(ready, names), ready, names, made_of)


def _converted(graph: onnx.ModelProto, names: list[str]) -> fx.GraphModule:
    """What onnx2torch makes of the graph.

    Raises:
        ModelError: it cannot; the operator that it stops at is found by asking for each alone.
    """
    package = onnx2torch()
    try:
        return package.convert(graph, attach_onnx_mapping=True)
    except Exception as error:  # it raises whatever its converters happen to
        body = package.onnx_graph.OnnxGraph(graph.graph)
        version = opset(graph)
        for node, name in zip(body.nodes.values(), names, strict=True):
            try:
                package.converter.get_converter(node.operation_type, version)(node, body)
            except Exception as reason:
                raise _stopped(f"{node.operation_type} '{name}'", reason) from None
        raise _stopped("how its nodes are joined", error) from None


def _stopped(where: str, reason: Exception) -> ModelError:
    text = str(reason) or type(reason).__name__
    return ModelError(
        f"no trainable network can be made of this file: onnx2torch stops at {where}: {text.rstrip('.')}. "
        "Techniques that work on graphs still apply."
    )
