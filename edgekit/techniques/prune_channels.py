"""Channel pruning: whole channels go, so that the network gets narrower.  keep the n channels of largest importance

Removing a channel removes its weights in the layer that makes it, in the normalisation after it and in each layer that
reads it; layers whose outputs are added lose the same ones. The number kept is the multiple of `round_to` nearest to
what `sparsity` asks for (of two equally near, the larger), or all; never fewer than `round_to`, and never so few that
rounding takes 5 % of a layer more than was asked. The layer that gives the answers keeps its outputs. Layers that must
agree take the smallest sparsity set for any of them, and are left alone if one of them is skipped. With scope "global"
all layers that have the same settings compete.

Costs: a few milliseconds; with importance "taylor" also the gradients over `samples` training samples.
When it fails: without fine-tuning it loses far more accuracy than zeroing as many single weights; narrow layers lose
too much in one step of `round_to`; without rounding the file shrinks but may run no faster.
Reference: Li et al. 2017, "Pruning Filters for Efficient ConvNets", arXiv:1608.08710; coupled layers: Fang et al. 2023,
"DepGraph", arXiv:2301.12900; bn_scale: Liu et al. 2017, arXiv:1708.06519; taylor: Molchanov et al. 2019,
arXiv:1906.10771; fpgm: He et al. 2019, arXiv:1811.00250; lamp: Lee et al. 2021, arXiv:2010.07611.
"""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from edgekit.core.bench import Bench
from edgekit.core.errors import NothingToDo
from edgekit.core.knobs import Knob
from edgekit.core.technique import Applied, Change, Fact, Layerwise, NetworkTechnique
from edgekit.techniques._channels import (
    ChannelGroup,
    accumulate_gradients,
    channel_groups,
    check_output_shape,
    importance,
    output_shape,
    remove,
)
from edgekit.techniques._layers import pools


class PruneChannels(Layerwise, NetworkTechnique):
    """Settings of channel pruning; see the module docstring."""

    sparsity: Annotated[float, Knob(unit="share", step=0.05, help="Share of the channels removed.")] = Field(
        0.5, ge=0, le=0.95
    )
    importance: Annotated[
        Literal["magnitude_l2", "magnitude_l1", "bn_scale", "taylor", "fpgm", "lamp", "random"],
        Knob(help="What makes a channel worth keeping."),
    ] = "magnitude_l2"
    scope: Annotated[
        Literal["per layer", "global"],
        Knob(help="Remove the same share of every layer, or the least important channels of all layers."),
    ] = "per layer"
    round_to: Annotated[
        int, Knob(unit="channels", help="Keep a multiple of this many, which processors compute fastest.")
    ] = Field(8, ge=1, le=64)
    samples: Annotated[
        int, Knob(unit="samples", log=True, advanced=True, help="Training samples for importance taylor.")
    ] = Field(512, ge=32, le=8192)

    title, family = "Channel pruning", "Pruning"
    reference = "Li et al. 2017, arXiv:1608.08710"
    identity = {"sparsity": 0.0}

    @property
    def needs(self) -> frozenset[Fact]:
        """Float weights, and what the importances in use look at."""
        used = {self.importance} | {values.get("importance") for values in self.layers.values()}
        facts = {Fact.FLOAT_WEIGHTS}
        facts |= {Fact.BATCH_NORM} if "bn_scale" in used else set()
        facts |= {Fact.TRAINING_DATA} if "taylor" in used else set()
        return frozenset(facts)

    def apply(self, network: nn.Module, bench: Bench) -> Applied:
        """Remove channels.

        Raises:
            NothingToDo: rounding and skipping leave every layer as it was.
            ModelError: the network's channels are tied in a way that cannot be followed.
        """
        shape = output_shape(network, bench.example)
        found = [(group, self._for_group(group)) for group in channel_groups(network, bench.example)]
        found = [(group, settings) for group, settings in found if settings is not None]
        scored = _scored(network, found, bench)
        changes = []
        for (group, _, scores), kept in zip(scored, _kept(scored), strict=True):
            if kept < group.channels:
                remove(group, scores.argsort(stable=True)[: group.channels - kept].tolist())
                changes += [Change(layer, f"{kept} of {group.channels} channels kept") for layer in group.layers]
        check_output_shape(network, bench.example, shape)
        if not changes:
            raise NothingToDo(
                f"{self.title} keeps every channel at sparsity {self.sparsity:g} in multiples of {self.round_to}. "
                "Raise sparsity, lower round_to, skip fewer layers, or remove the step."
            )
        return Applied(network, changes)

    def _for_group(self, group: ChannelGroup) -> "PruneChannels | None":
        """The most careful of its layers' settings; None if one of them is skipped."""
        settings = [self.for_layer(layer) for layer in group.layers]
        return None if None in settings else min(settings, key=lambda one: one.sparsity)


MOST_OVER = 0.05  # of a layer's channels may go beyond what was asked, for the sake of a round number

Scored = tuple[ChannelGroup, PruneChannels, Tensor]  # scores (channels,): the more, the more it matters


def _scored(network: nn.Module, found: list[tuple[ChannelGroup, PruneChannels]], bench: Bench) -> list[Scored]:
    """Every group with its scores, but for those that the importance says nothing about."""
    taylor = [settings.samples for _, settings in found if settings.importance == "taylor"]
    if taylor:
        accumulate_gradients(network, bench.part(0, 0.8), max(taylor))
    generator, scored = torch.Generator().manual_seed(bench.seed), []
    for _, (group, settings) in bench.part(0.8 if taylor else 0, 1).each((pair[0].layers[0], pair) for pair in found):
        scores = importance(group, settings.importance, generator)
        if scores is not None:
            scored.append((group, settings, scores))
    network.zero_grad(set_to_none=True)
    return scored


def _kept(scored: list[Scored]) -> list[int]:
    """How many channels each group keeps."""
    kept = [0] * len(scored)
    for pool in pools([settings for _, settings, _ in scored]):
        members = [scored[number] for number in pool]
        scores = torch.cat([scores for _, _, scores in members])
        # A channel that three layers make counts three times: sparsity is a share of all channels there are.
        makers = torch.cat([torch.full((group.channels,), len(group.layers)) for group, _, _ in members])
        order = scores.argsort(stable=True)
        gone = makers[order].cumsum(0) - makers[order] / 2 <= members[0][1].sparsity * makers.sum()
        stays = torch.ones(len(scores), dtype=torch.bool).index_fill_(0, order[gone], False)
        parts = stays.split([group.channels for group, _, _ in members])
        for number, (group, settings, _), part in zip(pool, members, parts, strict=True):
            kept[number] = _rounded(int(part.sum()), group.channels, settings.round_to)
    return kept


def _rounded(wanted: int, channels: int, multiple: int) -> int:
    """The multiple nearest to `wanted`, or all channels if that is nearer; of two equally near, the larger."""
    least = wanted - MOST_OVER * channels
    allowed = [count for count in (*range(multiple, channels, multiple), channels) if count >= least]
    return min(allowed, key=lambda count: (abs(count - wanted), -count))
