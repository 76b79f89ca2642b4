"""What a teacher sees in a picture, shown to its student: what the last layers of both read is made alike.

Romero et al. 2015, "FitNets: Hints for Thin Deep Nets", arXiv:1412.6550. A last layer reads far more numbers than it
puts out, so a hint says more of how to look at a picture than an answer does. And any picture will do: beside the few
of the task stand mixtures of two of them (Zhang et al. 2018, "mixup", arXiv:1710.09412) and pictures of other things,
so that the student resembles its teacher on samples that neither has seen, too.

    loss = mean of (student's features − (teacher's features − μ) / σ)², with μ and σ of each feature on the task's data
"""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from edgekit.core.preprocessing import Pixels
from edgekit.data.splits import Samples
from edgekit.models.training import Batches, Loss

OTHERS = 4  # pictures of the task for each one of other things


@contextlib.contextmanager
def reading(network: nn.Module) -> Iterator[list[Tensor]]:
    """What the layer `fc` of a network reads, (n, d), of each pass while the context lasts."""
    seen: list[Tensor] = []
    hook = network.fc.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    try:
        yield seen
    finally:
        hook.remove()


def features(network: nn.Module, inputs: Tensor) -> Tensor:
    """What the layer `fc` reads of inputs (n, …): (n, d)."""
    with reading(network) as seen:
        network(inputs)
    return seen[0].float()


def with_hints(teacher: nn.Module, passes: Batches) -> Loss:
    """The loss of the module docstring; its outputs are those of the inputs that have labels, which come first.

    Args:
        teacher: in eval mode; not trained.
        passes: batches of the task's data, of which the first pass tells μ and σ.
    """
    with torch.no_grad():
        known = torch.cat([features(teacher, inputs) for inputs, _ in passes(0)])  # (n, d)
        centre, deviation = known.mean(0), known.std(0)
    deviation = deviation + deviation.mean() / 10  # a feature that hardly varies counts little

    def loss(network: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            wanted = (features(teacher, inputs) - centre) / deviation
        with reading(network) as seen:
            outputs = network(inputs)
        return (seen[0].float() - wanted).square().mean(), outputs[: len(labels)]

    return loss


def shown(own: Batches, others: Samples, prepared: Pixels, seed: int = 0) -> Batches:
    """Batches of pictures to copy a teacher on: (inputs, labels) of which the labels are those of the first inputs.

    The second half of each batch of the task is mixed with itself in another order, and pictures of other things, in
    grey, stand behind.

    Args:
        own: batches of the task, each (b, channels, height, width) and (b,).
        others: coloured pictures, (n, height, width, 3).
    """

    def of(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        for inputs, labels in own(epoch):
            plain, mixed = inputs.tensor_split(2)
            share = torch.rand(len(mixed), generator=generator).view(-1, 1, 1, 1)
            mixed = share * mixed + (1 - share) * mixed[torch.randperm(len(mixed), generator=generator)]
            chosen = torch.randint(len(others), (len(inputs) // OTHERS,), generator=generator).numpy()
            grey = others.raw[chosen].mean(-1, keepdims=True).round().astype(others.raw.dtype)  # (m, height, width, 1)
            yield torch.cat([plain, mixed, torch.from_numpy(prepared(grey))]), labels[: len(plain)]

    return of
