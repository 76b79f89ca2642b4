"""One round of channel pruning: score the channels, find how many may stay, and cut the others out of a copy."""

from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from edgekit.core.bench import Bench
from edgekit.core.errors import ModelError
from edgekit.techniques._channel_counts import MOST_TRIES, Counts, counts, counts_for_cost, score
from edgekit.techniques._channels import ChannelGroup, cut

Target = Literal["channels", "macs", "parameters", "latency"]
IN_WORDS = {"macs": "multiply-accumulates", "parameters": "parameters", "latency": "latency"}


@dataclass(frozen=True)
class Aim:
    """What is asked of all rounds together.

    Attributes:
        target: what `sparsity` is a share of.
        whole: how much of that there was; 0 for channels, which are counted instead.
        full: the layers of each group -> its channels before the first round.
    """

    target: Target
    sparsity: float
    whole: float
    full: dict[tuple[str, ...], int]


@dataclass(frozen=True)
class Narrowed:
    """A network after a round.

    Attributes:
        kept: the layers of each group -> its channels now.
        left: the share of the target that is left, of what there was before the first round.
    """

    network: nn.Module
    kept: dict[tuple[str, ...], int]
    left: float


def cost(network: nn.Module, target: Target, bench: Bench) -> float:
    """How much of the target a network has: milliseconds, parameters or multiply-accumulates.

    Raises:
        ModelError: multiply-accumulates that cannot be counted.
    """
    if target == "latency":
        return bench.latency_of(network)
    found = bench.cost_of(network)
    if target == "macs" and "macs" not in found:
        raise ModelError(
            "channel pruning cannot count the multiply-accumulates of this network, as the sizes of some tensors are "
            "not known beforehand. Set target to parameters or latency."
        )
    return found["macs" if target == "macs" else "params"]


def narrow(network: nn.Module, groups: list[tuple[ChannelGroup, Any]], aim: Aim, far: float, bench: Bench) -> Narrowed:
    """A copy of the network after a round; the same counts as before if rounding leaves it as it is.

    Args:
        groups: those of `network` that may lose channels, with the settings that hold for each.
        far: how much of the way: (1 − sparsity) to the power of `far` of the target is left.
    """
    scored = score(network, groups, aim.full, bench.part(0, 0.5))
    found: dict[Counts, float] = {}

    def narrower(kept: Counts) -> nn.Module:
        return cut(network, bench.example, {one.layers: one.least(n) for one, n in zip(scored, kept, strict=True)})

    def cost_at(kept: Counts) -> float:
        if kept not in found:
            bench.progress(0.5 + 0.5 * len(found) / MOST_TRIES, f"finding channels for the {IN_WORDS[aim.target]}")
            found[kept] = cost(narrower(kept), aim.target, bench)
        return found[kept]

    if aim.target == "channels":
        kept = counts(scored, far)
    else:
        kept = counts_for_cost(scored, aim.sparsity, (1 - aim.sparsity) ** far * aim.whole, cost_at)
    now = {group.layers: group.channels for group, _ in groups}
    now |= {one.layers: n for one, n in zip(scored, kept, strict=True)}
    left = _share_of_channels(now, aim.full) if aim.target == "channels" else cost_at(kept) / aim.whole
    return Narrowed(narrower(kept), now, left)


def _share_of_channels(now: dict[tuple[str, ...], int], full: dict[tuple[str, ...], int]) -> float:
    """A channel that three layers make counts three times."""
    return sum(n * len(layers) for layers, n in now.items()) / sum(n * len(layers) for layers, n in full.items())
