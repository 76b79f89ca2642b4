"""The layers whose weights techniques work on, by the names that they keep through pruning, folding and export."""

from collections.abc import Sequence

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
