"""How many channels each group of layers keeps: for a share of the channels, or for a cost of the whole network."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from edgekit.core.bench import Bench
from edgekit.techniques._channels import LOOK_AT_GRADIENTS, ChannelGroup, accumulate_gradients, importance
from edgekit.techniques._layers import pools

MOST_OVER = 0.05  # of a layer's channels may go beyond what was asked, for the sake of a round number
FARTHEST = 0.95  # the largest share of channels that a search for a cost takes
STEPS, NEAR = 12, 0.005  # of that search: halvings, and how little under the cost that is asked is near enough
MOST_TRIES = STEPS + 9  # both ends, and halvings among up to 128 groups

Counts = tuple[int, ...]  # channels kept, one number per group


@dataclass(frozen=True)
class Scored:
    """A group that may lose channels.

    Attributes:
        layers: those that make the channels.
        settings: sparsity, scope and round_to that hold for it.
        scores: (channels,): the more, the more a channel matters; about 1 on average.
        full: its channels before the first round.
    """

    layers: tuple[str, ...]
    settings: Any
    scores: Tensor
    full: int

    @property
    def channels(self) -> int:
        """How many there are now."""
        return len(self.scores)

    def least(self, kept: int) -> list[int]:
        """The channels that go if so many are kept."""
        return self.scores.argsort(stable=True)[: self.channels - kept].tolist()


def score(network: nn.Module, groups: list[tuple[ChannelGroup, Any]], full: dict, bench: Bench) -> list[Scored]:
    """Every group with its scores, in order, but for those that the importance says nothing about.

    Args:
        groups: of `network`, with the settings that hold for each.
        full: the layers of a group -> its channels before the first round.
    """
    generator = torch.Generator().manual_seed(bench.seed)
    kinds = sorted({settings.importance for _, settings in groups})
    found = {}
    for number, kind in enumerate(kinds):
        here = bench.part(number / len(kinds), (number + 1) / len(kinds))
        own = [(group.layers[0], (group, settings)) for group, settings in groups if settings.importance == kind]
        if kind in LOOK_AT_GRADIENTS:
            samples = max(settings.samples for _, (_, settings) in own)
            accumulate_gradients(network, here.part(0, 0.9), samples, kind)
        for _, (group, settings) in here.part(0.9 if kind in LOOK_AT_GRADIENTS else 0, 1).each(own):
            if (scores := importance(group, kind, generator)) is not None:
                found[group.layers] = Scored(group.layers, settings, scores, full[group.layers])
    network.zero_grad(set_to_none=True)
    return [found[group.layers] for group, _ in groups if group.layers in found]


def counts(scored: list[Scored], far: float = 1.0) -> Counts:
    """How many channels each group keeps.

    Args:
        far: how far to go towards what is asked: of its original channels each layer keeps (1 − sparsity) to the power
            of `far`. Half way twice makes the whole way.
    """
    kept = [0] * len(scored)
    for pool in pools([one.settings for one in scored]):
        members = [scored[number] for number in pool]
        scores = torch.cat([one.scores for one in members])
        # A channel that three layers make counts three times: sparsity is a share of all channels there are.
        makers = torch.cat([torch.full((one.channels,), len(one.layers)) for one in members])
        gone_before = sum((one.full - one.channels) * len(one.layers) for one in members)
        asked = _share(members[0].settings.sparsity, far) * (makers.sum() + gone_before) - gone_before
        order = scores.argsort(stable=True)
        gone = makers[order].cumsum(0) - makers[order] / 2 <= asked
        stays = torch.ones(len(scores), dtype=torch.bool).index_fill_(0, order[gone], False)
        parts = stays.split([one.channels for one in members])
        for number, one, part in zip(pool, members, parts, strict=True):
            kept[number] = min(_rounded(int(part.sum()), one.full, one.settings.round_to), one.channels)
    return tuple(kept)


def counts_for_cost(scored: list[Scored], sparsity: float, wanted: float, cost: Callable[[Counts], float]) -> Counts:
    """The most channels kept with which the network costs no more than `wanted`, or the fewest if none is so cheap.

    First all groups go farther together, by bisection. Rounding makes several of them lose a multiple at once; of those
    the groups whose channels matter least go first, and the others only if it takes them too.

    Args:
        sparsity: of the whole network, above 0; layers with another go as much less or more far.
        wanted: in the unit of `cost`.
        cost: of the network with these counts; asked for at most about MOST_TRIES of them.
    """
    low, high = 0.0, FARTHEST
    dear, cheap = counts(scored, 0.0), counts(scored, _far(high, sparsity))
    if cost(dear) <= wanted:
        return dear
    if cost(cheap) > wanted:
        return cheap
    for _ in range(STEPS):
        middle = (low + high) / 2
        tried = counts(scored, _far(middle, sparsity))
        found = cost(tried)
        if found > wanted:
            low, dear = middle, tried
        else:
            high, cheap = middle, tried
        if wanted * (1 - NEAR) <= found <= wanted:
            return tried
    return _first_cheap_enough(scored, dear, cheap, wanted, cost)


def _first_cheap_enough(
    scored: list[Scored], dear: Counts, cheap: Counts, wanted: float, cost: Callable[[Counts], float]
) -> Counts:
    """Between two neighbours: move one group after the other from `dear` to `cheap`, by bisection."""

    def matters(number: int) -> float:
        """The mean score of the channels that this group would lose."""
        one = scored[number]
        return float(one.scores[one.least(cheap[number])[one.channels - dear[number] :]].mean())

    moving = sorted((number for number in range(len(scored)) if dear[number] != cheap[number]), key=matters)
    first, last = 0, len(moving)  # groups moved: too few, enough
    while last - first > 1:
        middle = (first + last) // 2
        if cost(_moved(dear, cheap, moving[:middle])) > wanted:
            first = middle
        else:
            last = middle
    return _moved(dear, cheap, moving[:last])


def _moved(dear: Counts, cheap: Counts, moved: list[int]) -> Counts:
    return tuple(cheap[number] if number in moved else kept for number, kept in enumerate(dear))


def _share(sparsity: float, far: float) -> float:
    return sparsity if far == 1 else 1 - (1 - sparsity) ** far


def _far(share: float, sparsity: float) -> float:
    """The `far` at which `sparsity` takes this share."""
    return math.log1p(-share) / math.log1p(-sparsity)


def _rounded(wanted: int, channels: int, multiple: int) -> int:
    """The multiple nearest to `wanted`, or all channels if that is nearer; of two equally near, the larger."""
    least = wanted - MOST_OVER * channels
    allowed = [count for count in (*range(multiple, channels, multiple), channels) if count >= least]
    return min(allowed, key=lambda count: (abs(count - wanted), -count))
