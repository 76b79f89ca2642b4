"""What a network is built of: attention layers, feed-forward parts and blocks, found by looking at its modules alone.

Attention layers keep to a small protocol: four Linear layers that make queries, keys and values and read what comes of
them, the number of heads, and the size of a head, under one of the usual names:

    q, k, v (or q_proj …, query …, to_q …), out (or out_proj, o_proj, proj …), num_heads and head_dim

Their forward must count on `num_heads` and `head_dim` and not on the width of its input, so that heads can be removed.
Rows h · head_dim … (h + 1) · head_dim of q, k and v, and the same columns of out, belong to head h.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

_PROJECTIONS = (("q", "k", "v"), ("q_proj", "k_proj", "v_proj"), ("query", "key", "value"), ("to_q", "to_k", "to_v"))
_OUT = ("out", "out_proj", "o_proj", "o", "proj", "to_out", "dense")
_HEADS = ("num_heads", "num_attention_heads", "n_heads", "heads")
_HEAD_DIM = ("head_dim", "attention_head_size", "head_size", "dim_head")
_FEED_FORWARD = (("fc1", "fc2"), ("linear1", "linear2"), ("lin1", "lin2"), ("intermediate.dense", "output.dense"))
_LISTS = {"Sequential", "ModuleList"}


@dataclass(frozen=True)
class Attention:
    """An attention layer: names of its four Linear layers in the network, and of the attributes that count heads."""

    name: str
    q: str
    k: str
    v: str
    out: str
    heads: str
    head_dim: str


@dataclass(frozen=True)
class FeedForward:
    """The two Linear layers of a transformer's feed-forward part, by name: dim -> hidden -> dim."""

    first: str
    second: str


def attentions(network: nn.Module) -> list[Attention]:
    """Every attention layer that keeps to the protocol above, in the order of the network."""
    modules = dict(network.named_modules())
    found = (_attention(name, module, modules) for name, module in modules.items())
    return [one for one in found if one is not None]


def feed_forwards(network: nn.Module) -> list[FeedForward]:
    """The feed-forward parts as wide as an attention layer's input, by their usual names, in order."""
    modules = dict(network.named_modules())
    widths = {modules[one.q].in_features for one in attentions(network)}
    found = []
    for name in modules:
        for pair in _FEED_FORWARD:
            first, second = (modules.get(_joined(name, part)) for part in pair)
            if not (_is_linear(first) and _is_linear(second)) or first.in_features not in widths:
                continue
            if (first.in_features, first.out_features) == (second.out_features, second.in_features):
                found.append(FeedForward(*(_joined(name, part) for part in pair)))
    return found


def blocks(network: nn.Module) -> list[tuple[str, nn.Module]]:
    """(name, module) of every block that seems to keep the shape of what it is given, in the order of the network.

    A block is what a Sequential or ModuleList holds that has layers of its own and is no list itself. It keeps shapes
    if no layer of it has a stride and its last layer with weights puts out as much as its first one takes.
    """
    return [(name, module) for name, module in all_blocks(network) if _keeps_shape(module)]


def all_blocks(network: nn.Module) -> list[tuple[str, nn.Module]]:
    """Every block with its name, also those that change the shape."""
    return list(_blocks(network, ""))


def _attention(name: str, module: nn.Module, modules: dict[str, nn.Module]) -> Attention | None:
    heads, head_dim = (
        next((a for a in names if isinstance(vars(module).get(a), int)), None) for names in (_HEADS, _HEAD_DIM)
    )
    if heads is None or head_dim is None:
        return None
    beside = _joined(name.rpartition(".")[0], "output.dense")  # where BERT keeps the layer that reads the heads
    outs = [*(_joined(name, out) for out in _OUT), beside]
    out = next((one for one in outs if _is_linear(modules.get(one))), None)
    width = getattr(module, heads) * getattr(module, head_dim)
    for names in _PROJECTIONS:
        own = [_joined(name, part) for part in names]
        fit = all(_is_linear(modules.get(one)) and modules[one].out_features == width for one in own)
        if fit and out is not None and modules[out].in_features == width:
            return Attention(name, *own, out, heads, head_dim)
    return None


def _blocks(module: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    for part, child in module.named_children():
        inner = _joined(name, part)
        if _is_list(module) and not _is_list(child) and any(_takes_and_gives(child)):
            if next(child.children(), None) is not None:
                yield inner, child
        else:
            yield from _blocks(child, inner)


def _keeps_shape(block: nn.Module) -> bool:
    sizes = list(_takes_and_gives(block))
    strides = [stride for layer in block.modules() for stride in _as_tuple(getattr(layer, "stride", 1))]
    return sizes[0][0] == sizes[-1][1] and set(strides) == {1}


def _takes_and_gives(block: nn.Module) -> Iterator[tuple[int, int]]:
    """(inputs, outputs) of each layer with weights."""
    for layer in block.modules():
        for kind in ("features", "channels"):
            if hasattr(layer, f"in_{kind}") and hasattr(layer, f"out_{kind}"):
                yield getattr(layer, f"in_{kind}"), getattr(layer, f"out_{kind}")


def _is_list(module: nn.Module) -> bool:
    return not _LISTS.isdisjoint(kind.__name__ for kind in type(module).__mro__)


def _is_linear(module: nn.Module | None) -> bool:
    return module is not None and any(kind.__name__ == "Linear" for kind in type(module).__mro__)


def _as_tuple(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,)


def _joined(name: str, part: str) -> str:
    return f"{name}.{part}" if name else part
