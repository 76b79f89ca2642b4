"""Where a network looks: maps over space that can be compared between networks of different widths.

    map(x) = normalised Σ_channels x²        distance = ‖map(student) − map(teacher)‖²

Zagoruyko and Komodakis 2017, "Paying More Attention to Attention", arXiv:1612.03928: no layers of its own, unlike the
hints of FitNets (arXiv:1412.6550), so that it fits any pair of networks whose maps are of the same height and width.
"""

import contextlib
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor, nn

Size = tuple[int, int]  # height, width


@torch.no_grad()
def map_makers(network: nn.Module, example: np.ndarray) -> dict[Size, str]:
    """For every size of feature map, the module that makes the last one of it: just before the next halving."""
    network.eval()
    with watched(network, [name for name, _ in network.named_modules()]) as seen:
        network(torch.from_numpy(example))
    found: dict[Size, str] = {}
    for name, output in seen.items():  # in the order in which they were done
        if isinstance(output, Tensor) and output.dim() == 4 and output.shape[2:].numel() > 1:
            found[tuple(output.shape[2:])] = name
    return found


@contextlib.contextmanager
def watched(network: nn.Module, names: list[str]) -> Iterator[dict[str, Tensor]]:
    """What the modules of these names put out, for as long as the context lasts."""
    seen: dict[str, Tensor] = {}
    hooks: list[torch.utils.hooks.RemovableHandle] = []

    def keep(name: str) -> None:
        def hook(module: nn.Module, inputs: tuple, output: Tensor) -> None:
            seen.pop(name, None)  # a module that is used twice counts where it is used last
            seen[name] = output

        hooks.append(network.get_submodule(name).register_forward_hook(hook))

    try:
        for name in names:
            keep(name)
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def distance(student: Mapping[str, Tensor], teacher: Mapping[str, Tensor], pairs: list[tuple[str, str]]) -> Tensor:
    """The mean over samples and `pairs` (student's name, teacher's name) of the squared distance of their maps."""
    apart = [(_attention(student[mine]) - _attention(teacher[other])).square().sum(1).mean() for mine, other in pairs]
    return torch.stack(apart).mean()


def _attention(features: Tensor) -> Tensor:
    """(n, channels, height, width) -> (n, height · width) of length 1."""
    energy = torch.linalg.vector_norm(features, dim=1, dtype=torch.float32).square()  # three times as fast as by hand
    return nn.functional.normalize(energy.flatten(1))
