"""Which channels stand and fall together, how much each matters, and how they are taken out: torch-pruning's work.

A channel that one layer makes is read by the next, and where branches are added, all of them must lose the same one.
torch-pruning follows the network and finds these groups (Fang et al. 2023, "DepGraph", arXiv:2301.12900).
"""

import copy
import itertools
from dataclasses import dataclass

import numpy as np
import torch
import torch_pruning
from torch import Tensor, nn
from torch_pruning import importance as scorers

from edgekit.core.anatomy import attentions
from edgekit.core.bench import Bench
from edgekit.core.errors import ModelError
from edgekit.techniques._layers import WITH_WEIGHTS, weight_layers

SCORERS = {
    "magnitude_l2": scorers.GroupMagnitudeImportance(p=2),
    "magnitude_l1": scorers.GroupMagnitudeImportance(p=1),
    "bn_scale": scorers.BNScaleImportance(),
    "taylor": scorers.GroupTaylorImportance(),
    "hessian": scorers.GroupHessianImportance(),
    "fpgm": scorers.FPGMImportance(),
    "lamp": scorers.LAMPImportance(),
}
LOOK_AT_GRADIENTS = ("taylor", "hessian")


@dataclass(frozen=True)
class ChannelGroup:
    """Layers that must keep the same channels.

    Attributes:
        layers: names of those that make the channels, in the order of the network.
        channels: how many there are.
        shared: whether several layers make them, as where branches are added; depthwise ones pass them on.
        members: torch-pruning's own record, with every channel in it.
    """

    layers: tuple[str, ...]
    channels: int
    shared: bool
    members: torch_pruning.Group


def channel_groups(network: nn.Module, example: np.ndarray) -> list[ChannelGroup]:
    """All groups that may lose channels, in the order of the network.

    Left out are channels that reach the network's output, those of grouped convolutions, which are bound to their
    neighbours (depthwise ones are not), and those inside attention, of which only whole heads can go.

    Args:
        example: one input, (1, ...); the network is run on it once.
    """
    named = weight_layers(network)
    graph = torch_pruning.DependencyGraph()
    network.requires_grad_(True)  # torch-pruning follows the gradient's path
    with torch.enable_grad():
        # A tuple: torch-pruning would first try a bare tensor as if it were several inputs.
        graph.build_dependency(network, (torch.from_numpy(example),), verbose=False)
    inside_attention = {name for one in attentions(network) for name in (one.q, one.k, one.v)}
    groups = []
    for members in graph.get_all_groups(root_module_types=WITH_WEIGHTS):
        made = {dep.target.module for dep, _ in members if graph.is_out_channel_pruning_fn(dep.handler)}
        makes_the_output = any(dep.target.module in made and not dep.target.outputs for dep, _ in members)
        if makes_the_output or any(_is_grouped(dep.target.module) for dep, _ in members):
            continue
        layers = tuple(name for name, module in named if module in made)
        shared = sum(getattr(module, "groups", 1) == 1 for module in made if isinstance(module, WITH_WEIGHTS)) > 1
        if inside_attention.isdisjoint(layers):
            groups.append(ChannelGroup(layers, len(members[0].idxs), shared, members))
    order = [name for name, _ in named]
    return sorted(groups, key=lambda group: order.index(group.layers[0]))


def importance(group: ChannelGroup, kind: str, generator: torch.Generator) -> Tensor | None:
    """How much each channel matters, (channels,), about 1 on average; None where `kind` says nothing of this group."""
    if kind == "random":
        return torch.rand(group.channels, generator=generator)
    scores = SCORERS[kind](group.members)
    return None if scores is None else scores.nan_to_num(0.0)  # all zero, divided by their mean


def accumulate_gradients(network: nn.Module, bench: Bench, samples: int, kind: str) -> None:
    """Leave in every parameter's `grad` what that importance looks at, over so many training samples.

    For "taylor" that is the gradient of the loss, summed over batches. For "hessian" it is the mean square of each
    sample's own gradient, which stands for the diagonal of the Hessian (empirical Fisher information); of a few samples
    together where the task compares samples.
    """
    network.eval()  # the running statistics of batch normalisation stay as they are
    network.zero_grad(set_to_none=True)
    with torch.enable_grad():
        if kind == "taylor":
            _sum_of_gradients(network, bench, samples)
        else:
            _mean_of_squares(network, bench, samples)


def _sum_of_gradients(network: nn.Module, bench: Bench, samples: int) -> None:
    size = min(128, samples)
    batches = -(-samples // size)
    for number, (inputs, labels) in enumerate(itertools.islice(bench.training(size, 0), batches)):
        bench.progress(number / batches, "gradients")
        bench.task.loss(network(inputs), labels).backward()


def _mean_of_squares(network: nn.Module, bench: Bench, samples: int) -> None:
    # Not GroupHessianImportance.accumulate_grad: of torch-pruning 1.6.1's sum only the last sample is left.
    parameters = list(network.parameters())
    squares = [torch.zeros_like(parameter) for parameter in parameters]
    batches = bench.training(min(128, samples), 0)
    size = 1 if bench.task.group == 1 else 2 * bench.task.group  # the fewest that a loss can be had of
    each = (pair for inputs, labels in batches for pair in zip(inputs.split(size), labels.split(size), strict=True))
    seen = 0
    for one, label in itertools.islice(each, -(-samples // size)):
        bench.progress(min(1.0, seen * size / samples), "gradients of single samples")
        loss = bench.task.loss(network(one), label)
        for total, gradient in zip(squares, torch.autograd.grad(loss, parameters, allow_unused=True), strict=True):
            if gradient is not None:
                total += gradient.square()
        seen += 1
    for parameter, total in zip(parameters, squares, strict=True):
        parameter.grad = total / max(1, seen)


def cut(network: nn.Module, example: np.ndarray, gone: dict[tuple[str, ...], list[int]]) -> nn.Module:
    """A copy of the network without these channels, and without what normalisation and the next layers had for them.

    Args:
        example: one input, (1, ...).
        gone: the layers of a group -> which of its channels go.

    Raises:
        ModelError: something outside their group still reads channels that were taken out.
    """
    shape, narrower = output_shape(network, example), copy.deepcopy(network)
    for group in channel_groups(narrower, example):
        if gone.get(group.layers):
            group.members.prune(gone[group.layers])
    _check_output_shape(narrower, example, shape)
    return narrower


@torch.no_grad()
def output_shape(network: nn.Module, example: np.ndarray) -> torch.Size:
    """The shape of the network's answer to one input, (1, ...)."""
    return network.eval()(torch.from_numpy(example)).shape


def _check_output_shape(network: nn.Module, example: np.ndarray, before: torch.Size) -> None:
    try:
        fits = output_shape(network, example) == before
    except RuntimeError:  # what torch raises where shapes do not fit
        fits = False
    if not fits:
        raise ModelError(
            f"channel pruning cannot follow how the channels of {type(network).__name__} are tied together. "
            "Skip the layers whose output is added to the network's input, or prune weights instead."
        )


def _is_grouped(module: nn.Module) -> bool:
    groups = getattr(module, "groups", 1)
    return isinstance(module, WITH_WEIGHTS) and groups > 1 and not groups == module.in_channels == module.out_channels
