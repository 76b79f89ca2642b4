"""Fitting the layers of a network to smaller images: the convolution that reads them, and a Linear behind the maps."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgekit.core.errors import ModelError
from edgekit.techniques._smaller_images import NAME, SIGNS


@dataclass(frozen=True)
class Reading:
    """How a network takes its images.

    Attributes:
        name: of the first convolution.
        layer: that convolution.
        shape: of the image that it reads, (channels, height, width).
        maps: Linear -> (channels, height, width) of the convolution's output before it, where it reads flattened maps.
    """

    name: str
    layer: nn.Conv2d
    shape: tuple[int, int, int]
    maps: dict[str, tuple[int, int, int]]


class _Misfit(Exception):
    """A Linear got another number of features than it has weights for."""


@torch.no_grad()
def read(network: nn.Module, images: Tensor, title: str) -> Reading:
    """Run the network once, and see which convolution reads the image, (1, channels, height, width).

    Raises:
        ModelError: the network's input is no image, or it is not read by an ordinary convolution.
    """
    first: list[tuple[str, nn.Conv2d, tuple[int, ...]]] = []
    last: list[tuple[int, ...]] = []
    maps: dict[str, tuple[int, int, int]] = {}

    def see(name: str, layer: nn.Module, inputs: tuple, output: Tensor) -> None:
        if isinstance(layer, nn.Conv2d):
            if not first:
                first.append((name, layer, tuple(inputs[0].shape[1:])))
            last[:] = [tuple(output.shape[1:])]
        elif last and name not in maps and layer.in_features != last[0][0] and layer.in_features % last[0][0] == 0:
            maps[name] = last[0]

    kinds = [(name, layer) for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    hooks = [
        layer.register_forward_hook(lambda layer, inputs, output, name=name: see(name, layer, inputs, output))
        for name, layer in kinds
    ]
    try:
        network.eval()(images)
    finally:
        for hook in hooks:
            hook.remove()
    seen = getattr(network, NAME, nn.Identity())(images)
    if images.dim() != 4 or not first or first[0][2] != tuple(seen.shape[1:]) or not _ordinary(first[0][1]):
        raise ModelError(
            f"{title} needs a network whose images are read by an ordinary convolution (no groups, no dilation, "
            f"padded with zeros), which {type(network).__name__} does not have. Remove the step."
        )
    name, layer, shape = first[0]
    return Reading(name, layer, shape, maps)


def _ordinary(layer: nn.Conv2d) -> bool:
    plain = layer.groups == 1 and layer.dilation == (1, 1) and layer.padding_mode == "zeros"
    return plain and isinstance(layer.padding, tuple)


@torch.no_grad()
def from_grey(layer: nn.Conv2d, shares: Tensor) -> None:
    """Let the convolution read one channel instead of three. `shares` (3,): how much of each colour the grey tells."""
    layer.weight = nn.Parameter((layer.weight * shares.view(1, 3, 1, 1)).sum(1, keepdim=True))  # (out, 1, kh, kw)
    layer.in_channels = 1


@torch.no_grad()
def from_haar(layer: nn.Conv2d) -> None:
    """Let the convolution read Haar's bands of its image, and put out a map of half the size.

    What had a stride of 2 gives exactly what it gave, with a stride of 1; what had 1 gives the mean of each block of
    2 × 2 that it gave. Either is one kernel over blocks: a block's pixels are sums of its bands with their signs.
    """
    weight = layer.weight  # (out, in, kh, kw)
    if layer.stride == (1, 1):  # the mean of four neighbouring outputs sees one pixel more: (out, in, kh + 1, kw + 1)
        weight = nn.functional.avg_pool2d(nn.functional.pad(weight, (1, 1, 1, 1)), 2, stride=1)
    (outs, ins), sizes = weight.shape[:2], weight.shape[2:]
    pad = [(one + 1) // 2 for one in layer.padding]  # in blocks
    before = [2 * blocks - one for blocks, one in zip(pad, layer.padding, strict=True)]  # pixels it does not reach
    blocks = [2 * p - (2 * old - size) // 2 for p, old, size in zip(pad, layer.padding, sizes, strict=True)]
    whole = weight.new_zeros(outs, ins, 2 * blocks[0], 2 * blocks[1])
    whole[:, :, before[0] : before[0] + sizes[0], before[1] : before[1] + sizes[1]] = weight
    pixels = whole.view(outs, ins, blocks[0], 2, blocks[1], 2)
    bands = torch.einsum("oiyaxb,kab->oikyx", pixels, SIGNS)  # (out, in, band, block row, block column)
    layer.weight = nn.Parameter(bands.reshape(outs, 4 * ins, *blocks).contiguous())
    layer.in_channels, layer.kernel_size = 4 * ins, tuple(blocks)
    layer.padding, layer.stride = tuple(pad), (1, 1)
    layer._reversed_padding_repeated_twice = [pad[1], pad[1], pad[0], pad[0]]


def fit_the_rest(network: nn.Module, images: Tensor, reading: Reading, title: str) -> list[tuple[str, str]]:
    """Make the layers behind the first fit the smaller maps; returns (layer, what was done) pairs.

    Raises:
        ModelError: the maps become too small for it, or a Linear reads something that is no flattened map.
    """
    done: list[tuple[str, str]] = []
    while True:
        try:
            _try(network, images)
            return done
        except _Misfit as misfit:
            name, features = misfit.args
            if name not in reading.maps or name in dict(done):
                raise _does_not_fit(network, title) from None
            done.append((name, _resample(network.get_submodule(name), features, reading.maps[name], network, title)))
        except RuntimeError:  # what torch raises where a map has no pixel left
            padded = _pad(network)
            if not padded:
                raise _does_not_fit(network, title) from None
            done += padded


@torch.no_grad()
def _try(network: nn.Module, images: Tensor) -> None:
    def check(name: str, layer: nn.Linear, inputs: tuple) -> None:
        if inputs[0].shape[-1] != layer.in_features:
            raise _Misfit(name, inputs[0].shape[-1])

    hooks = [
        layer.register_forward_pre_hook(lambda layer, inputs, name=name: check(name, layer, inputs))
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Linear)
    ]
    try:
        network.eval()(images)
    finally:
        for hook in hooks:
            hook.remove()


def _pad(network: nn.Module) -> list[tuple[str, str]]:
    """Give every convolution that has no padding as much as keeps the size of its map."""
    done = []
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d) and layer.padding == (0, 0) and max(layer.kernel_size) > 1:
            layer.padding = tuple(
                size // 2 * apart for size, apart in zip(layer.kernel_size, layer.dilation, strict=True)
            )
            layer._reversed_padding_repeated_twice = [one for one in reversed(layer.padding) for _ in range(2)]
            done.append((name, f"padded by {layer.padding[0]}, or no pixel would be left"))
    return done


@torch.no_grad()
def _resample(layer: nn.Linear, features: int, seen: tuple[int, int, int], network: nn.Module, title: str) -> str:
    """Give a Linear that reads a flattened map weights for a smaller map: means of the old, in the same total."""
    channels, height, width = seen
    old, new = (_sides(count // channels, height / width) for count in (layer.in_features, features))
    if features % channels or old is None or new is None:
        raise _does_not_fit(network, title)
    weight = layer.weight.view(-1, channels, *old)
    smaller = nn.functional.adaptive_avg_pool2d(weight, new) * (math.prod(old) / math.prod(new))
    layer.weight, layer.in_features = nn.Parameter(smaller.flatten(1)), features  # (out, channels · height · width)
    return f"reads maps of {new[0]} × {new[1]} instead of {old[0]} × {old[1]}"


def _sides(area: int, aspect: float) -> tuple[int, int] | None:
    """Height and width of a map with so many pixels and about this height / width."""
    height = max(1, round(math.sqrt(area * aspect)))
    return (height, area // height) if area and area % height == 0 else None


def _does_not_fit(network: nn.Module, title: str) -> ModelError:
    return ModelError(
        f"{title}: the layers of {type(network).__name__} do not fit smaller maps. "
        "Raise scale, choose another mode, or take a convolutional network that ends in a mean over space."
    )
