"""Random changes of training images, drawn from a generator of their own so that a seed repeats them."""

import math

import torch
from torch import Tensor

TURN = math.radians(12)
SCALE, LIGHT = 0.15, 0.3  # shares of the size, and of the deviation of pixels


def flip_and_shift(images: Tensor, shift: int, generator: torch.Generator, flip: bool = True) -> Tensor:
    """Flip each image left to right with probability one half, and move it by up to `shift` pixels (zeros fill in).

    Args:
        images: (n, channels, height, width).
        shift: the largest move, in pixels, in each direction; 0 only flips.
        generator: the only source of randomness.
        flip: False where left and right mean something, as in digits.
    """
    n, _, height, width = images.shape
    if flip:
        flipped = torch.rand(n, generator=generator) < 0.5
        images = torch.where(flipped.view(-1, 1, 1, 1), images.flip(3), images)
    if shift == 0:
        return images
    padded = torch.nn.functional.pad(images, [shift] * 4)  # (n, channels, height + 2 shift, width + 2 shift)
    top, left = torch.randint(0, 2 * shift + 1, (2, n), generator=generator)
    rows = (top[:, None] + torch.arange(height))[:, None, :, None]  # (n, 1, height, 1)
    columns = (left[:, None] + torch.arange(width))[:, None, None, :]  # (n, 1, 1, width)
    each, channel = torch.arange(n)[:, None, None, None], torch.arange(images.shape[1])[None, :, None, None]
    return padded[each, channel, rows, columns]  # (n, channels, height, width)


def vary(images: Tensor, generator: torch.Generator) -> Tensor:
    """Turn each image by up to TURN, scale it by up to SCALE, and change its contrast and brightness by up to LIGHT.

    What is seen stays what it is; edges are continued where the image ends. For few samples of many kinds of light and
    pose, as faces are.

    Args:
        images: (n, channels, height, width), of mean about 0 and deviation about 1.
        generator: the only source of randomness.
    """
    n, _, height, width = images.shape
    turn, scale, contrast, brightness = 2 * torch.rand(4, n, generator=generator) - 1  # (n,) each, from −1 to 1
    angle, factor = turn * TURN, 1 + scale * SCALE
    cosine, sine, zero = factor * angle.cos(), factor * angle.sin(), torch.zeros(n)
    rows = [
        torch.stack(row, 1) for row in ((cosine, -sine * height / width, zero), (sine * width / height, cosine, zero))
    ]
    grid = torch.nn.functional.affine_grid(torch.stack(rows, 1), images.shape, align_corners=False)
    turned = torch.nn.functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return turned * (1 + LIGHT * contrast).view(-1, 1, 1, 1) + LIGHT * brightness.view(-1, 1, 1, 1)
