"""Sparse training: which weights belong to a channel, how strongly each is held back, and what that does."""

import copy

import numpy as np
import torch
from torch import nn

from edgekit.techniques._channels import channel_groups
from edgekit.techniques._group_norm import factors, norms, parts, train_sparse
from edgekit.techniques._train import Training
from tests.techniques.benches import a_bench

EXAMPLE = np.zeros((1, 3, 4, 4), np.float32)


def network() -> nn.Sequential:
    """Convolution "0" makes 8 channels; a normalisation and a Linear, which sees each at 16 places, read them."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(128, 10)).eval()


def test_a_channels_norm_is_that_of_all_its_weights_in_all_layers():
    one = network()
    (group,) = channel_groups(one, EXAMPLE)
    made, scale, read = one[0].weight, one[1].weight, one[4].weight.view(10, 8, 16)
    wanted = made.flatten(1).square().sum(1) + scale.square() + read.square().sum((0, 2))
    assert torch.allclose(norms(8, parts(group)), wanted.sqrt())


def test_depthwise_and_transposed_convolutions_count_once_and_along_the_right_axis():
    one = nn.Sequential(
        nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.ConvTranspose2d(8, 5, 2), nn.Conv2d(5, 2, 1)
    )
    first, second = channel_groups(one, EXAMPLE)
    made, depth, read = one[0].weight, one[1].weight, one[2].weight  # (8, 3, 1, 1), (8, 1, 3, 3), (8, 5, 2, 2)
    wanted = sum(weight.flatten(1).square().sum(1) for weight in (made, depth, read))
    assert torch.allclose(norms(8, parts(first)), wanted.sqrt())
    wanted = read.transpose(0, 1).flatten(1).square().sum(1) + one[3].weight.square().sum((0, 2, 3))
    assert torch.allclose(norms(5, parts(second)), wanted.sqrt())


def test_the_smallest_channel_is_held_back_sixteen_times_as_much_as_the_largest():
    assert factors(torch.tensor([3.0, 1.0, 2.0])).tolist() == [1.0, 16.0, 4.0]
    assert factors(torch.ones(4)).tolist() == [1.0, 1.0, 1.0, 1.0]


def test_a_factor_reaches_every_place_of_its_channel_and_no_other():
    one = network()
    (group,) = channel_groups(one, EXAMPLE)
    spread = {part.weight: part.spread(torch.arange(8.0)) for part in parts(group)}
    assert spread[one[0].weight].shape == (8, 1, 1, 1)
    assert spread[one[4].weight].tolist() == [place // 16 for place in range(128)]


def ratio(one: nn.Module) -> float:
    """The norm of the three smallest channels, over that of the three largest."""
    (group,) = channel_groups(one, EXAMPLE)
    norm = norms(8, parts(group)).sort().values
    return float(norm[:3].sum() / norm[-3:].sum())


def test_it_draws_the_channels_that_will_go_to_zero_and_leaves_no_hook():
    bench, how = a_bench((3, 4, 4), samples=256), Training(batch_size=16, learning_rate=0.05)

    def trained(strength: float) -> nn.Module:
        one = copy.deepcopy(network())
        groups = [(group, None) for group in channel_groups(one, EXAMPLE)]
        one, curve = train_sparse(one, groups, bench, how, epochs=4, strength=strength)
        assert [(point["round"], point["epoch"], point["sparsity"]) for point in curve] == [
            (0, epoch, 0.0) for epoch in (1, 2, 3, 4)
        ]
        assert not any(parameter._backward_hooks for parameter in one.parameters())
        return one

    with_little, with_much = ratio(trained(1e-5)), ratio(trained(0.01))
    assert with_much < 0.5 * with_little


def test_what_is_added_to_a_gradient_is_strength_times_factor_times_weight():
    """One step of plain descent on a loss that looks at no weight, so that only what is added moves them."""
    one, moved = nn.Sequential(nn.Linear(2, 3, bias=False), nn.Linear(3, 2, bias=False)), []
    with torch.no_grad():
        one[0].weight.copy_(torch.tensor([[3.0, 0.0], [1.0, 0.0], [2.0, 0.0]]))
        one[1].weight.zero_()
    (group,) = channel_groups(one, np.zeros((1, 2), np.float32))
    bench = a_bench((2,), samples=16, classes=2)
    how = Training(batch_size=16, learning_rate=0.1, weight_decay=0.0, soft_labels=0.0)
    before = one[0].weight.detach().clone()
    one, _ = train_sparse(one, [(group, None)], bench, how, epochs=1, strength=0.01)
    moved = before - one[0].weight.detach()
    share = moved[:, 0] / before[:, 0]  # learning rate · (1 + momentum) · strength · γ, the first step of Nesterov
    assert torch.allclose(share / share[0], torch.tensor([1.0, 16.0, 4.0]), rtol=1e-3)
    assert moved[:, 1].abs().max() == 0
