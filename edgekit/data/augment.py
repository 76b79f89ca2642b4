"""Random flips and shifts of training images, drawn from a generator of their own so that a seed repeats them."""

import torch
from torch import Tensor


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
