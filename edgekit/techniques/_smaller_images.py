"""Making an image smaller inside the network: fewer pixels, no colours, or Haar's four bands; and where that is put.

Haar's bands of a block of 2 × 2 pixels [[a, b], [c, d]], each a half-size image (Haar 1910; Mallat 1989):

    low = (a + b + c + d) / 4        upright edges = (a − b + c − d) / 4
    level edges = (a + b − c − d) / 4        slanted = (a − b − c + d) / 4

Nothing is lost: a is the sum of all four, and b, c, d are sums with the same signs.
"""

import functools
from typing import Literal

import torch
from torch import Tensor, fx, nn

SIGNS = torch.tensor([[[1.0, 1], [1, 1]], [[1, -1], [1, -1]], [[1, 1], [-1, -1]], [[1, -1], [-1, 1]]])  # (band, y, x)
LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue, ITU-R BT.601
NAME = "shrink"  # of the part that networks get

Filter = Literal["area", "bilinear"]


class Smaller(nn.Module):
    """Images (n, channels, *size) become (n, channels, *smaller): each new pixel is a weighted mean of old ones."""

    def __init__(self, size: tuple[int, int], smaller: tuple[int, int], how: Filter):
        super().__init__()
        whole = all(old % new == 0 for old, new in zip(size, smaller, strict=True))
        self.blocks = tuple(old // new for old, new in zip(size, smaller, strict=True))
        self.pools = whole and (how == "area" or self.blocks == (2, 2))  # at half size both filters are the same
        if not self.pools:
            # Four axes, so that no later step takes these for a layer's weights and rounds them.
            self.register_buffer("rows", means(size[0], smaller[0], how)[None, None])  # (1, 1, height, old height)
            self.register_buffer("columns", means(size[1], smaller[1], how).T[None, None].contiguous())

    def forward(self, images: Tensor) -> Tensor:
        if self.pools:
            return nn.functional.avg_pool2d(images, self.blocks)
        return self.rows @ (images @ self.columns)  # (n, channels, new height, new width)


class Grey(nn.Module):
    """Images (n, 3, height, width) become (n, 1, height, width): the mean of the colours as bright as they look."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("luminance", torch.tensor(LUMINANCE).view(1, 3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        return (images * self.luminance).sum(1, keepdim=True)


class Haar(nn.Module):
    """Images (n, channels, 2 h, 2 w) become (n, 4 · channels, h, w): four bands of the first channel, then the next."""

    def __init__(self, channels: int):
        super().__init__()
        kernels = torch.zeros(4 * channels, channels, 2, 2)
        for channel in range(channels):
            kernels[4 * channel : 4 * channel + 4, channel] = SIGNS / 4
        self.register_buffer("weight", kernels)

    def forward(self, images: Tensor) -> Tensor:
        return nn.functional.conv2d(images, self.weight, stride=2)


def means(old: int, new: int, how: Filter) -> Tensor:
    """The weights (new, old) with which pixels along one axis are averaged; each row sums to 1.

    "area" counts how much of each old pixel lies under the new one; "bilinear" is a triangle, as wide as two of them.
    """
    ratio = old / new
    place, target = torch.arange(old, dtype=torch.float64), torch.arange(new, dtype=torch.float64)[:, None]
    if how == "area":
        weights = torch.minimum(place + 1, (target + 1) * ratio) - torch.maximum(place, target * ratio)
    else:
        weights = 1 - (place - ((target + 0.5) * ratio - 0.5)).abs() / max(ratio, 1.0)
    weights = weights.clamp_min(0)
    return (weights / weights.sum(1, keepdim=True)).float()


def put_before(network: nn.Module, step: nn.Module) -> None:
    """Let `network` see its images through `step`, behind what was put there earlier. Its layers keep their names."""
    chain = getattr(network, NAME, None)
    if chain is not None:
        chain.append(step)
        return
    network.add_module(NAME, nn.Sequential(step))
    if isinstance(network, nn.Sequential):  # it runs its parts in order
        network._modules = {NAME: network._modules.pop(NAME), **network._modules}
    elif isinstance(network, fx.GraphModule):  # its forward is written from its graph, also in every copy
        images = next(node for node in network.graph.nodes if node.op == "placeholder")
        with network.graph.inserting_after(images):
            shrunk = network.graph.call_module(NAME, (images,))
        images.replace_all_uses_with(shrunk, delete_user_cb=lambda user: user is not shrunk)
        network.recompile()
    else:
        network.__class__ = _seeing_less(type(network))


@functools.cache
def _seeing_less(kind: type[nn.Module]) -> type[nn.Module]:
    """The same class of network, whose input first goes through the part called NAME."""

    def forward(self: nn.Module, images: Tensor) -> Tensor:
        return kind.forward(self, getattr(self, NAME)(images))

    return type(kind.__name__, (kind,), {"forward": forward, "__doc__": kind.__doc__, "__module__": kind.__module__})
