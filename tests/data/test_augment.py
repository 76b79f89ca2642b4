"""Changes of training images keep what is seen, and a seed repeats them."""

import torch

from edgekit.data.augment import LIGHT, SCALE, vary


def with_a_dot(n: int) -> torch.Tensor:
    """Black images of 32 × 24, each with a white square in the middle, (n, 1, 32, 24)."""
    images = torch.zeros(n, 1, 32, 24)
    images[:, :, 12:20, 8:16] = 1
    return images


def test_a_seed_repeats_the_changes_and_another_makes_others():
    one, same, other = (vary(with_a_dot(8), torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert one.shape == (8, 1, 32, 24)


def test_the_middle_stays_in_the_middle_and_its_size_changes_by_what_was_said():
    found = vary(with_a_dot(200), torch.Generator().manual_seed(0))
    dark = found[:, :, 0, 0].view(-1, 1, 1, 1)  # a corner, which shows the brightness alone
    assert dark.abs().max() <= LIGHT
    light = found[:, :, 15:17, 11:13].mean((1, 2, 3)) - dark.flatten()
    assert 1 - LIGHT - 0.01 <= light.min() < light.max() <= 1 + LIGHT + 0.01
    sizes = ((found - dark).sum((1, 2, 3)) / light / 64).sqrt()
    assert 1 / (1 + SCALE) - 0.05 <= sizes.min() < 0.95 < 1.05 < sizes.max() <= 1 / (1 - SCALE) + 0.05
