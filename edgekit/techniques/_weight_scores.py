"""How much single weights matter, as seen on data: by the inputs that they meet, or by the gradient of the loss."""

import numpy as np
import torch
from torch import Tensor, nn

from edgekit.core.bench import Bench
from edgekit.techniques._layers import weight_layers
from edgekit.techniques._once import once

BATCH = 32


def by_inputs(network: nn.Module, bench: Bench, samples: int) -> dict[str, Tensor]:
    """Layer name -> |w| · ‖x‖₂ in the shape of its weight, x being all inputs that w multiplies (Wanda).

    A linear layer's weight meets one input of each sample; one of a kernel meets an input at each place it stands at.
    Sun et al. 2023, "A Simple and Effective Pruning Approach for Large Language Models", arXiv:2306.11695.

    Args:
        samples: of calibration to look at. Layers that they never reach are left out.
    """
    layers, inputs = dict(weight_layers(network)), bench.calibration(samples)
    squares = once("squares of inputs", (network, inputs), lambda: _squares(network, layers, inputs, bench))
    bench.progress(1.0, "inputs of layers")
    return {name: layers[name].weight.detach().abs() * met.sqrt() for name, met in squares.items()}


def _squares(network: nn.Module, layers: dict[str, nn.Module], inputs: np.ndarray, bench: Bench) -> dict[str, Tensor]:
    """Layer name -> the sum of the squares of the inputs that each weight meets, in the shape of its weight."""
    squares: dict[str, Tensor] = {}

    def watch(name: str):
        def see(layer: nn.Module, given: tuple[Tensor, ...]) -> None:
            layer.weight.requires_grad_(True)
            squared = given[0].square()
            if (
                squared.dim() >= layer.weight.dim()
            ):  # samples come first: all at once, as what follows is linear in them
                squared = squared.sum(0, keepdim=True)
            with torch.enable_grad():
                # The derivative of Σ w · x² by w is Σ x² over the x that w meets, whatever the stride and groups.
                (met,) = torch.autograd.grad(layer.forward(squared).sum(), layer.weight)
            squares[name] = squares[name] + met if name in squares else met

        return see

    hooks = [layer.register_forward_pre_hook(watch(name)) for name, layer in layers.items()]
    try:
        _run(network, bench, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return squares


def by_gradients(network: nn.Module, bench: Bench, samples: int) -> dict[str, Tensor]:
    """Layer name -> |w · ∂loss/∂w| in the shape of its weight, the root of the mean square over small batches.

    It is how much the loss would change if the weight went, to first order: Lee et al. 2019 (SNIP), arXiv:1810.02340.
    Squares, as Molchanov et al. 2019 have them, arXiv:1906.10771, since the gradients of a trained network cancel over
    many samples: half the weights of ResNet-8 gone so left 54 % right, and gone by the plain sum 45 %.

    Args:
        samples: of training to look at. Layers without a gradient are left out.
    """
    size = min(BATCH, samples)
    batches = -(-samples // size)
    network.eval().requires_grad_(True)  # the running statistics of batch normalisation stay as they are
    found: dict[str, Tensor] = {}
    for number, (inputs, labels) in enumerate(bench.training(size, 0)):
        if number == batches:
            break
        bench.progress(number / batches, "gradients")
        with torch.enable_grad():
            bench.task.loss(network(inputs), labels).backward()
        for name, layer in weight_layers(network):
            if layer.weight.grad is not None:
                change = (layer.weight.detach() * layer.weight.grad).square() / batches
                found[name] = found[name] + change if name in found else change
        network.zero_grad(set_to_none=True)
    bench.progress(1.0, "gradients")
    return {name: squares.sqrt() for name, squares in found.items()}


@torch.no_grad()
def _run(network: nn.Module, bench: Bench, inputs: np.ndarray) -> None:
    network.eval()
    for start in range(0, len(inputs), BATCH):
        bench.progress(start / len(inputs), f"inputs of layers, sample {start + 1} of {len(inputs)}")
        network(torch.from_numpy(inputs[start : start + BATCH]))
    bench.progress(1.0, "inputs of layers")
