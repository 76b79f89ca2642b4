"""Running a network on calibration samples, and looking at what passes through some of its modules meanwhile."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from edgekit.core.bench import Bench
from edgekit.techniques._layers import weight_layers
from edgekit.techniques._once import once

BATCH = 64
ROWS = 4096  # inputs drawn for each layer's moments: several times what its weights need
DAMPING = 0.01  # of the mean diagonal: directions that calibration did not see stay harmless

Look = Callable[[str, tuple, object], None]  # (module's name, its inputs, its output)


@torch.no_grad()
def outputs(network: nn.Module, inputs: np.ndarray, bench: Bench) -> Tensor:
    """What the network, put into eval mode, makes of `inputs` (n, ...), in batches; progress goes from 0 to 1."""
    network.eval()
    made = []
    for start in range(0, len(inputs), BATCH):
        bench.progress(start / len(inputs), f"sample {start + 1} of {len(inputs)}")
        made.append(network(torch.from_numpy(inputs[start : start + BATCH])))
    bench.progress(1.0, "samples seen")
    return torch.cat(made)


@contextmanager
def watching(modules: Iterable[tuple[str, nn.Module]], look: Look) -> Iterator[None]:
    """While this holds, `look` is told of every pass through one of these (name, module) pairs."""

    def hook(name: str) -> Callable[[nn.Module, tuple, object], None]:
        return lambda module, taken, given: look(name, taken, given)

    handles = [module.register_forward_hook(hook(name)) for name, module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def called_layers(network: nn.Module, example: np.ndarray) -> list[tuple[str, nn.Module]]:
    """The layers that the network calls, and so others can stand for; a recurrent operator only reads their weights.

    Args:
        example: one batch of inputs, (1, …).
    """
    layers, called = weight_layers(network), set()
    with watching(layers, lambda name, taken, given: called.add(name)):
        network(torch.from_numpy(example))
    return [(name, layer) for name, layer in layers if name in called]


def second_moments(
    network: nn.Module, layers: Sequence[tuple[str, nn.Module]], inputs: np.ndarray, bench: Bench
) -> dict[str, Tensor]:
    """Layer name -> E[x xᵀ] (k, k) float64, x being the k inputs that meet one row of its weights; damped, so that it
    is positive definite.

    Args:
        layers: (name, Linear or Conv2d without groups, padded with zeros).
        inputs: of the network, (n, ...); ROWS inputs of each layer are drawn from them.
    """
    asked = (network, [name for name, _ in layers], inputs, bench.seed)
    found = once("second moments", asked, lambda: _second_moments(network, layers, inputs, bench))
    bench.progress(1.0, "samples seen")
    return found


def _second_moments(
    network: nn.Module, layers: Sequence[tuple[str, nn.Module]], inputs: np.ndarray, bench: Bench
) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(bench.seed)
    modules, sums, seen = dict(layers), dict[str, Tensor](), dict[str, int]()

    def look(name: str, taken: tuple, given: Tensor) -> None:
        layer, wanted = modules[name], -(-ROWS * len(taken[0]) // len(inputs))
        there = given.numel() // given.shape[-1 if isinstance(layer, nn.Linear) else 1]
        rows = _rows(layer, taken[0], torch.randperm(there, generator=generator)[:wanted]).double()  # (rows, k)
        sums[name] = sums.get(name, 0) + rows.T @ rows
        seen[name] = seen.get(name, 0) + len(rows)

    with watching(layers, look):
        outputs(network, inputs, bench)
    return {name: _damped(total / seen[name]) for name, total in sums.items()}


def _rows(layer: nn.Module, x: Tensor, picked: Tensor) -> Tensor:
    """What meets a row of the layer's weights at some of the places where it does, counted through all samples."""
    if isinstance(layer, nn.Linear):
        return x.flatten(0, -2)[picked]
    (down, across), gaps = layer.padding, layer.dilation
    windows = nn.functional.pad(x, (across, across, down, down))
    for axis, size, step, gap in zip((2, 3), layer.kernel_size, layer.stride, gaps, strict=True):
        windows = windows.unfold(axis, gap * (size - 1) + 1, step)[..., ::gap]  # a view: nothing is copied yet
    height, width = windows.shape[2:4]  # of (n, channels, height, width, kernel's height, kernel's width)
    sample, place = picked // (height * width), picked % (height * width)
    return windows[sample, :, place // width, place % width].flatten(1)


def _damped(moments: Tensor) -> Tensor:
    return moments + DAMPING * moments.diagonal().mean().clamp_min(1e-12) * torch.eye(len(moments), dtype=moments.dtype)
