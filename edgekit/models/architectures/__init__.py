"""The networks that EdgeKit defines itself, by name, and what can be counted of a network."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from edgekit.core.errors import ModelError, unknown
from edgekit.models.architectures.lenet5 import LeNet5
from edgekit.models.architectures.resnet import resnet8, resnet20
from edgekit.models.architectures.vit import vit_tiny

ARCHITECTURES = {"lenet5": LeNet5, "resnet8": resnet8, "resnet20": resnet20, "vit-tiny": vit_tiny}


def build(name: str, classes: int = 10) -> nn.Module:
    """A network with fresh random weights, drawn from torch's global generator.

    Raises:
        ModelError: there is no architecture of that name.
    """
    if name not in ARCHITECTURES:
        raise ModelError(unknown("architecture", name, ARCHITECTURES))
    return ARCHITECTURES[name](classes)


def restored(name: str, classes: int, weights: Mapping[str, Tensor]) -> nn.Module:
    """A network with given weights, in eval mode. The global random state is left as it was.

    Raises:
        ModelError: no such architecture, or weights that are not its own.
    """
    with torch.random.fork_rng():
        network = build(name, classes)
    wanted = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in weights.items()}
    if wanted != found:
        odd = sorted(key for key in wanted | found if wanted.get(key) != found.get(key))
        raise ModelError(
            f"weights of {name} must have its names and shapes; {len(odd)} differ, such as {odd[0]}: "
            f"it must be {wanted.get(odd[0], 'absent')}, and is {found.get(odd[0], 'absent')}."
        )
    network.load_state_dict(weights)
    return network.eval()


def parameters(network: nn.Module) -> int:
    """How many numbers training sets: weights, biases, and the scales and shifts of normalisation."""
    return sum(parameter.numel() for parameter in network.parameters())


@torch.no_grad()
def multiply_accumulates(network: nn.Module, input_shape: tuple[int, ...]) -> int:
    """Multiply-accumulates of all convolutions and linear layers for one sample of `input_shape` (no batch)."""
    counts: list[int] = []

    def count(layer: nn.Module, inputs: tuple, output: Tensor) -> None:
        products = layer.weight[0].numel()  # (out, in / groups, kh, kw) or (out, in): what one output number takes
        counts.append(products * output.numel())

    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    was_training = network.training
    try:
        network.eval()(torch.zeros(1, *input_shape))
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    return sum(counts)
