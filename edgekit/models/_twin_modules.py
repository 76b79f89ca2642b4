"""What onnx2torch made of a graph, put under the file's names, with plain layers where it has its own."""

import onnx
import torch
from torch import fx, nn

from edgekit.models._twin_layers import Divide, with_constants
from edgekit.models._twin_names import value_names

_TRAINED_BY = ("Add", "Sub", "Mul", "Div", "MatMul", "Gemm", "Gather", "PRelu", "Concat", "Slice", "Expand")


def arranged(network: fx.GraphModule, graph: onnx.ModelProto, names: list[str], made_of: dict[str, str]) -> nn.Module:
    """The same network in eval mode, its layers under `names` and the values that they read under names of their own.

    Values that a layer computes with (a class token, the scale of a normalisation) become parameters, which training
    changes; shapes, indices and single numbers stay constants.

    Args:
        network: made of `graph` by convert(…, attach_onnx_mapping=True); taken apart.
        names: one per node of `graph`.
        made_of: constants that were worked out -> the initializers that they were made of.
    """
    root, stored = nn.Module(), {tensor.name for tensor in graph.graph.initializer}
    calls = [node for node in network.graph.nodes if node.op == "call_module"]
    reads = _reads(network, calls, stored)
    _place_layers(root, network, calls, graph, names)
    for place in [place for place in reads if not place.users]:
        network.graph.erase_node(place)
        del reads[place]
    values = value_names({name: made_of.get(name, name) for name in reads.values()}, names)
    trained = {name for node in graph.graph.node if node.op_type in _TRAINED_BY for name in node.input}
    placed = set()
    for place, name in reads.items():
        if name not in placed:
            tensor = network.get_buffer(place.target)
            is_trained = name in trained and _is_trainable(tensor)
            _place(root, values[name], nn.Parameter(tensor) if is_trained else tensor)
            placed.add(name)
        place.target = values[name]
    twin = fx.GraphModule(root, network.graph, class_name="Twin")
    for parameter in twin.parameters():
        parameter.data = parameter.data.contiguous()  # onnx2torch transposes some without moving them
    return twin.eval()


def _reads(network: fx.GraphModule, calls: list[fx.Node], stored: set[str]) -> dict[fx.Node, str]:
    """Every place where a stored value is read -> the initializer; onnx2torch makes them in this order."""
    inputs = [name for call in calls for name in network.get_submodule(call.target).onnx_mapping.inputs]
    for call in calls:
        del network.get_submodule(call.target).onnx_mapping
    places = [node for node in network.graph.nodes if node.op == "get_attr"]
    return dict(zip(places, [name for name in inputs if name in stored], strict=True))


def _place_layers(
    root: nn.Module, network: fx.GraphModule, calls: list[fx.Node], graph: onnx.ModelProto, names: list[str]
) -> None:
    stored = {tensor.name: tensor for tensor in graph.graph.initializer}
    kinds = {one.name: one.type.tensor_type.elem_type for one in (*graph.graph.value_info, *graph.graph.output)}
    for call, node, name in zip(calls, graph.graph.node, names, strict=True):
        layer = network.get_submodule(call.target)
        if (own := with_constants(node, stored)) is not None:
            layer, call.args, call.kwargs = own, call.args[:1], {}
        elif node.op_type == "Div" and kinds.get(node.output[0]) == onnx.TensorProto.FLOAT:
            layer = Divide()
        elif isinstance(layer, nn.Sequential):  # padding that differs from side to side, and the layer itself
            padding, layer = layer
            with network.graph.inserting_before(call):
                call.args = (network.graph.create_node("call_module", f"{name}_uneven_pad", call.args),)
            _place(root, f"{name}_uneven_pad", padding)
        call.target = name
        _place(root, name, layer)


def _is_trainable(tensor: torch.Tensor) -> bool:
    """Single numbers are what a formula asks for, and infinities mask something out."""
    return tensor.is_floating_point() and tensor.numel() > 1 and bool(tensor.isfinite().all())


def _place(root: nn.Module, path: str, what: nn.Module | torch.Tensor) -> None:
    *scopes, last = path.split(".")
    for scope in scopes:
        if scope not in root._modules:
            root.add_module(scope, nn.Module())
        root = root.get_submodule(scope)
    if isinstance(what, nn.Module):
        root.add_module(last, what)
    elif isinstance(what, nn.Parameter):
        root.register_parameter(last, what)
    else:
        root.register_buffer(last, what)
