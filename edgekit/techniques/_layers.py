"""The layers whose weights techniques work on, by the names that they keep through pruning, folding and export."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from edgekit.core.technique import Layerwise

WITH_WEIGHTS = (
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
    nn.Linear,
)


def weight_layers(network: nn.Module) -> list[tuple[str, nn.Module]]:
    """Every convolution and linear layer with its name ("stage1.0.conv1"), in the order of the network, each once."""
    return [(name, module) for name, module in network.named_modules() if isinstance(module, WITH_WEIGHTS)]


@torch.no_grad()
def called_layers(network: nn.Module, example: np.ndarray) -> list[tuple[str, nn.Module]]:
    """Those of them that the network calls, and so others can stand for; a recurrent operator only reads their weights.

    Args:
        example: one batch of inputs, (1, …).
    """
    layers, called = weight_layers(network), set()
    hooks = [layer.register_forward_pre_hook(lambda layer, inputs: called.add(layer)) for _, layer in layers]
    try:
        network(torch.from_numpy(example))
    finally:
        for hook in hooks:
            hook.remove()
    return [(name, layer) for name, layer in layers if layer in called]


def pools(settings: Sequence[Layerwise]) -> list[list[int]]:
    """Which layers compare with one another: with scope "global" all that have the same settings, else each alone.

    Args:
        settings: one per layer, with a `scope`.

    Returns:
        positions in `settings`, grouped.
    """
    found: dict[tuple, list[int]] = {}
    for number, one in enumerate(settings):
        alone = number if one.scope != "global" else None
        found.setdefault((one.model_dump_json(exclude={"layers", "skip"}), alone), []).append(number)
    return list(found.values())
