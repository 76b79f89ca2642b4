"""Names for the layers of a twin, from what the file's nodes and initializers are called.

"stage1.0.conv1.weight" names the layer "stage1.0.conv1"; where the exporter gave the weight a number, the node's scope
does: "/layer1/layer1.0/conv1/Conv" is "layer1.0.conv1", and "model/conv2d/Conv2D" is "model.conv2d". A node that only
computes keeps its whole name: "stage1.0.Relu".
"""

import re

import onnx
import torch
from torch import fx, nn

_WITH_WEIGHTS = ("Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization", "LayerNormalization", "PRelu")
_WITH_WEIGHTS += ("InstanceNormalization",)
_TRAINED_BY = ("Add", "Sub", "Mul", "Div", "MatMul", "Gemm", "Gather", "PRelu", "Concat", "LayerNormalization")
_ROLE = re.compile(r"^(?P<layer>.+?)[._/](weight|bias|kernel|w|b|scale|gamma)(_\d+)?(:0)?$", re.IGNORECASE)
_NUMBERED = re.compile(r"^(onnx::\w+|(const_fold_opt|new_shape|Const|const)_?\d*|\d+)$")
_RESERVED = {*dir(fx.GraphModule), *dir(nn.Module())}


def layer_names(graph: onnx.ModelProto, made_of: dict[str, str]) -> list[str]:
    """A name for every node, each once: parts joined by dots, of letters, digits and underscores.

    Args:
        made_of: constants that were worked out -> the initializers that they were made of.
    """
    stored, taken = {tensor.name for tensor in graph.graph.initializer}, set()
    wishes = [_wish(node, [made_of.get(n, n) for n in node.input[1:] if n in stored]) for node in graph.graph.node]
    names = [_unique(_dotted(wish), taken) for wish in wishes]
    return [_beside(name, taken) for name in names]


def arranged(network: fx.GraphModule, graph: onnx.ModelProto, names: list[str], made_of: dict[str, str]) -> nn.Module:
    """What onnx2torch made, with its layers under `names` and the values that they read under names of their own.

    Values that a layer computes with (a class token, the scale of a normalisation) become parameters, which training
    changes; shapes, indices and single numbers stay constants.

    Args:
        network: made of `graph` by convert(…, attach_onnx_mapping=True); taken apart.
        names: one per node of `graph`.
    """
    root, taken = nn.Module(), set(names)
    stored = {tensor.name for tensor in graph.graph.initializer}
    trained = {name for node in graph.graph.node if node.op_type in _TRAINED_BY for name in node.input}
    targets = iter([node for node in network.graph.nodes if node.op == "get_attr"])
    places: dict[str, str] = {}
    calls = [node for node in network.graph.nodes if node.op == "call_module"]
    for call, name in zip(calls, names, strict=True):
        layer = network.get_submodule(call.target)
        for read in (one for one in layer.onnx_mapping.inputs if one in stored):
            value = next(targets)
            if read not in places:
                places[read] = _beside(_unique(_dotted(made_of.get(read, read)), taken), set(names))
                tensor = network.initializers.get_buffer(value.target.rpartition(".")[2])
                is_trained = read in trained and tensor.is_floating_point() and tensor.numel() > 1
                _place(root, places[read], nn.Parameter(tensor) if is_trained else tensor)
            value.target = places[read]
        del layer.onnx_mapping
        call.target = name
        _place(root, name, layer)
    twin = fx.GraphModule(root, network.graph, class_name="Twin")
    for parameter in twin.parameters():
        parameter.data = parameter.data.contiguous()  # onnx2torch transposes some without moving them
    return twin.eval()


def _place(root: nn.Module, path: str, what: nn.Module | torch.Tensor) -> None:
    for scope in path.split(".")[:-1]:
        if scope not in root._modules:
            root.add_module(scope, nn.Module())
        root = root.get_submodule(scope)
    last = path.rpartition(".")[2]
    if isinstance(what, nn.Module):
        root.add_module(last, what)
    elif isinstance(what, nn.Parameter):
        root.register_parameter(last, what)
    else:
        root.register_buffer(last, what)


def _beside(name: str, layers: set[str]) -> str:
    """A layer holds no other, so that it can be replaced: "fc.Add" beside a layer "fc" is called "fc_Add"."""
    first, *parts = name.split(".")
    for part in parts:
        first += f"_{part}" if first in layers else f".{part}"
    return first


def _wish(node: onnx.NodeProto, own: list[str]) -> str:
    if node.op_type in _WITH_WEIGHTS and own:
        matches = [match for name in own if not _NUMBERED.match(name) and (match := _ROLE.match(name))]
        if matches:
            return matches[0]["layer"]
        if "/" in node.name.strip("/"):
            return node.name.rpartition("/")[0]
    return node.name or node.op_type.lower()


def _dotted(name: str) -> str:
    """Scopes become parts; an exporter that repeats the way down ("layer1/layer1.0/conv1") is read as it meant it."""
    path = ""
    for scope in name.split("/"):
        if scope and path and (scope == path or scope.startswith(f"{path}.")):
            path = scope
        elif scope:
            last = path.rpartition(".")[2]
            path = f"{path.removesuffix(last)}{scope}" if scope.startswith(f"{last}.") and last else f"{path}.{scope}"
    return ".".join(_part(part) for part in path.split(".") if part)


def _part(part: str) -> str:
    """A word that a module may have as the name of a part of it."""
    word = re.sub(r"\W", "_", part, flags=re.ASCII)
    return f"{word}_" if word in _RESERVED else word


def _unique(wish: str, taken: set[str]) -> str:
    name, number = wish, 1
    while name in taken:
        number += 1
        name = f"{wish}_{number}"
    taken.add(name)
    return name
