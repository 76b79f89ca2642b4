"""Names for the layers of a twin, from what the file's nodes and initializers are called.

"stage1.0.conv1.weight" names the layer "stage1.0.conv1"; where the exporter gave the weight a number, the node's scope
does: "/layer1/layer1.0/conv1/Conv" is "layer1.0.conv1", and "model/conv2d/Conv2D" is "model.conv2d". A node that only
computes keeps its whole name: "stage1.0.Relu".
"""

import keyword
import re
from collections import Counter
from collections.abc import Iterable

import onnx
from torch import fx, nn

from edgekit.models.graphs import unique

_WITH_WEIGHTS = ("Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization", "LayerNormalization", "PRelu")
_WITH_WEIGHTS += ("InstanceNormalization",)
_ROLE = re.compile(r"^(?P<layer>.+?)[._/](weight|bias|kernel|w|b|scale|gamma)(_\d+)?(:0)?$", re.IGNORECASE)
_RESERVED = {*keyword.kwlist, *dir(fx.GraphModule), *dir(nn.Module())}


def layer_names(graph: onnx.ModelProto, made_of: dict[str, str]) -> list[str]:
    """A name for every node, each once: parts joined by dots, of letters, digits and underscores.

    A layer holds no other, so that it can be replaced: what the file calls "fc.Add" beside a layer "fc" is "fc_Add".

    Args:
        made_of: constants that were worked out -> the initializers that they were made of.
    """
    stored = {tensor.name for tensor in graph.graph.initializer}
    reads = [[made_of.get(n, n) for n in node.input[1:] if n in stored] for node in graph.graph.node]
    uses = Counter(name for read in reads for name in set(read))
    wishes = [_wish(node, read, uses) for node, read in zip(graph.graph.node, reads, strict=True)]
    layers: set[str] = set()
    names = [unique(_dotted(wish), layers) for wish in wishes]
    taken: set[str] = set()
    return [unique(_beside(name, layers), taken) for name in names]


def value_names(wishes: dict[str, str], layers: Iterable[str]) -> dict[str, str]:
    """Names for the values that layers read, beside the layers and each other.

    Args:
        wishes: initializer -> what the file calls it.
    """
    leaves = set(layers)
    taken = leaves | {scope for name in leaves for scope in _scopes(name)}
    names = {}
    for initializer, wish in wishes.items():
        names[initializer] = unique(_beside(_dotted(wish) or "value", leaves), taken)
        leaves.add(names[initializer])
        taken.update(_scopes(names[initializer]))
    return names


def _scopes(name: str) -> list[str]:
    """ "a" and "a.b" of "a.b.c"."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


def _beside(name: str, layers: set[str]) -> str:
    first, *parts = name.split(".")
    for part in parts:
        first += f"_{part}" if first in layers else f".{part}"
    return first


def _wish(node: onnx.NodeProto, read: list[str], uses: Counter[str]) -> str:
    """What the file calls a node. A tensor that several nodes read names none of them, if there is another name."""
    if node.op_type in _WITH_WEIGHTS and read:
        layers = {name: match["layer"] for name in read if (match := _ROLE.match(name)) and "::" not in name}
        if own := [layer for name, layer in layers.items() if uses[name] == 1]:
            return own[0]
        if "/" in node.name.strip("/"):
            return node.name.rpartition("/")[0]
        if layers and not node.name:
            return next(iter(layers.values()))
    return node.name if _dotted(node.name) else {"Gemm": "linear"}.get(node.op_type, node.op_type.lower())


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
