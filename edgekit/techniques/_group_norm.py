"""Training that draws whole channels towards zero, those of least norm most, so that pruning them costs little.

R = Σ γ_k ‖w_k‖² / 2, with γ_k = 2^(4 · (largest − ‖w_k‖) / (largest − smallest)) from 1 to 16 within a group, where w_k
is every weight that channel k of the group has in any layer: Fang et al. 2023, "DepGraph", arXiv:2301.12900, equation
4, as torch-pruning's GroupNormPruner does it, but inside our own training.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch_pruning.pruner import function

from edgekit.core.bench import Bench
from edgekit.techniques._channels import ChannelGroup
from edgekit.techniques._layers import WITH_WEIGHTS
from edgekit.techniques._train import Training, train

READ = (function.prune_conv_in_channels, function.prune_linear_in_channels)
NORMS = (_BatchNorm, nn.LayerNorm)
STRONGEST = 2.0**4  # γ of the channel with the smallest norm


@dataclass(frozen=True)
class Part:
    """Where a layer's weight holds the channels of a group.

    Attributes:
        axis: of `weight`.
        places: positions along that axis, (n,).
        channels: the channel of the group that each belongs to, (n,); a flattened image has many places a channel.
    """

    weight: nn.Parameter
    axis: int
    places: Tensor
    channels: Tensor

    def squares(self) -> Tensor:
        """The squared norm of each place, (n,)."""
        return self.weight.movedim(self.axis, 0)[self.places].reshape(len(self.places), -1).square().sum(1)

    def spread(self, factors: Tensor) -> Tensor:
        """One factor per channel (channels,) as a factor per weight: in a shape that multiplies it, 0 elsewhere."""
        along = torch.zeros(self.weight.shape[self.axis]).index_copy_(0, self.places, factors[self.channels])
        return along.view(-1, *[1] * (self.weight.dim() - 1 - self.axis))


def parts(group: ChannelGroup) -> list[Part]:
    """All weights of convolutions, linear layers and normalisations that hold channels of this group."""
    found = {}
    for item in group.members:
        layer, weight = item.dep.target.module, getattr(item.dep.target.module, "weight", None)
        one_a_channel = isinstance(layer, NORMS) and weight is not None and weight.dim() == 1
        if None in item.root_idxs or not (isinstance(layer, WITH_WEIGHTS) or one_a_channel):
            continue
        transposed = getattr(layer, "transposed", False) and layer.groups == 1
        axis = int((item.dep.handler in READ) != transposed)
        # A depthwise convolution makes the channels that it reads, and is listed as both.
        found[id(weight), axis, tuple(item.idxs)] = Part(
            weight, axis, torch.tensor(item.idxs), torch.tensor(item.root_idxs)
        )
    return list(found.values())


@torch.no_grad()
def norms(channels: int, found: list[Part]) -> Tensor:
    """The norm of all weights of each channel, (channels,)."""
    total = torch.zeros(channels)
    for part in found:
        total.index_add_(0, part.channels, part.squares())
    return total.sqrt()


def factors(norm: Tensor) -> Tensor:
    """γ, (channels,): 1 for the largest norm, up to 16 for the smallest; 1 for all where they are alike."""
    spread = norm.max() - norm.min()
    return STRONGEST ** ((norm.max() - norm) / spread.clamp_min(1e-12))


def train_sparse(
    network: nn.Module,
    groups: list[tuple[ChannelGroup, Any]],
    bench: Bench,
    how: Training,
    epochs: int,
    strength: float,
) -> tuple[nn.Module, list[dict[str, Any]]]:
    """Train with strength · R added to the loss, in place; the network and its curve, as `train` returns them.

    Args:
        groups: of `network`, each with its settings.

    The loss in the curve is without R. The channels that are held back are chosen anew after each update.
    """
    held = [(group.channels, parts(group)) for group, _ in groups]
    pull: dict[nn.Parameter, list[Tensor]] = {}

    def choose() -> None:
        pull.clear()
        for channels, found in held:
            gamma = factors(norms(channels, found))
            for part in found:
                pull.setdefault(part.weight, []).append(part.spread(gamma))

    def add(weight: nn.Parameter, gradient: Tensor) -> Tensor:
        return gradient + strength * sum(pull[weight]) * weight.detach()

    choose()
    hooks = [weight.register_hook(lambda gradient, weight=weight: add(weight, gradient)) for weight in pull]
    try:
        return train(network, bench, how, epochs=epochs, after_step=choose, about={"round": 0, "sparsity": 0.0})
    finally:
        for hook in hooks:
            hook.remove()
