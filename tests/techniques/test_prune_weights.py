"""Magnitude pruning against hand-worked weights, and the patterns against their definition."""

import copy

import pytest
import torch
from torch import nn

from edgekit.core.errors import NothingToDo, SettingError
from edgekit.core.technique import Change
from edgekit.models.architectures.lenet5 import LeNet5
from edgekit.techniques.prune_weights import PruneWeights
from tests.techniques.benches import a_bench, linear


def two_layers() -> nn.Sequential:
    """Linear "0" with weights 1…4 and Linear "1" with weights 5…8, signs mixed."""
    first, second = linear([[1.0, -2.0], [3.0, 4.0]])[0], linear([[5.0, 6.0], [-7.0, 8.0]])[0]
    return nn.Sequential(first, second)


def pruned(network: nn.Module, shape: tuple[int, ...] = (2,), **settings) -> nn.Module:
    return PruneWeights(**settings).apply(copy.deepcopy(network), a_bench(shape)).result


def test_globally_the_smallest_weights_of_the_network_go_whatever_their_layer():
    network = pruned(two_layers(), sparsity=0.5, scope="global")
    assert network[0].weight.tolist() == [[0, 0], [0, 0]]
    assert network[1].weight.tolist() == [[5, 6], [-7, 8]]


def test_per_layer_each_layer_loses_the_same_share():
    network = pruned(two_layers(), sparsity=0.5, scope="per layer")
    assert network[0].weight.tolist() == [[0, 0], [3, 4]]
    assert network[1].weight.tolist() == [[0, 0], [-7, 8]]


def test_changes_say_how_many_weights_are_zero_and_leave_out_layers_that_stayed():
    applied = PruneWeights(sparsity=0.25, scope="global").apply(two_layers(), a_bench((2,)))
    assert applied.changes == [Change("0", "2 of 4 weights are zero")]


@pytest.mark.parametrize("sparsity", [0.1, 0.333, 0.9, 0.99])
def test_exactly_the_share_asked_for_becomes_zero(sparsity: float):
    network = pruned(LeNet5(), (1, 28, 28), sparsity=sparsity)
    weights = torch.cat([layer.weight.flatten() for layer in (network.conv1, network.conv2, network.fc1, network.fc2)])
    assert int((weights == 0).sum()) == round(sparsity * 430_500)


def test_ties_do_not_zero_more_than_was_asked_for():
    network = pruned(linear([[1.0] * 8]), (8,), sparsity=0.5)
    assert int((network[0].weight == 0).sum()) == 4


@pytest.mark.parametrize(("pattern", "kept", "of"), [("2:4", 2, 4), ("4:8", 4, 8)])
def test_a_pattern_keeps_the_largest_n_of_every_m_neighbours_along_the_inputs(pattern: str, kept: int, of: int):
    convolution = nn.Conv2d(16, 6, 3)
    before = convolution.weight.detach().clone()
    after = pruned(nn.Sequential(convolution), (16, 8, 8), pattern=pattern)[0].weight
    groups = [t.permute(0, 2, 3, 1).reshape(-1, of) for t in (before, after)]  # (out · kh · kw · in / m, m)
    for whole, left in zip(*groups, strict=True):
        assert int((left != 0).sum()) == kept
        assert set(left[left != 0].tolist()) == set(whole[whole.abs().argsort(descending=True)[:kept]].tolist())


def test_two_of_four_by_hand():
    network = pruned(linear([[1.0, -4.0, 2.0, 3.0, 8.0, 7.0, 6.0, -5.0]]), (8,), pattern="2:4")
    assert network[0].weight.tolist() == [[0, -4, 0, 3, 8, 7, 0, 0]]


def test_a_transposed_convolution_follows_the_pattern_along_its_inputs_too():
    layer = nn.ConvTranspose2d(8, 3, 2)
    after = pruned(nn.Sequential(layer), (8, 4, 4), pattern="2:4")[0].weight  # (in, out, kh, kw)
    assert ((after.permute(1, 2, 3, 0).reshape(-1, 4) != 0).sum(1) == 2).all()


def test_layers_whose_inputs_do_not_fill_the_pattern_are_left_alone():
    applied = PruneWeights(pattern="2:4").apply(LeNet5(), a_bench((1, 28, 28)))
    assert [change.layer for change in applied.changes] == ["conv2", "fc1", "fc2"]
    assert (applied.result.conv1.weight != 0).all()


def test_skipped_layers_keep_their_weights_and_do_not_compete():
    network = pruned(two_layers(), sparsity=0.5, scope="global", skip=["0"])
    assert network[0].weight.tolist() == [[1, -2], [3, 4]]
    assert network[1].weight.tolist() == [[0, 0], [-7, 8]]


def test_a_layer_with_its_own_sparsity_leaves_the_common_pool():
    network = pruned(two_layers(), sparsity=0.25, scope="global", layers={"1": {"sparsity": 0.75}})
    assert network[0].weight.tolist() == [[0, -2], [3, 4]]
    assert network[1].weight.tolist() == [[0, 0], [0, 8]]


def test_pruning_twice_is_nothing_to_do_and_says_so():
    network = pruned(two_layers(), sparsity=0.5)
    with pytest.raises(NothingToDo) as said:
        PruneWeights(sparsity=0.5).apply(network, a_bench((2,)))
    assert str(said.value) == (
        "Magnitude pruning found no weight to zero at sparsity 0.5 with pattern none. "
        "Raise sparsity, skip fewer layers, or remove the step."
    )


def test_a_pattern_with_another_sparsity_is_refused():
    with pytest.raises(SettingError) as refused:
        PruneWeights.make({"pattern": "2:4", "sparsity": 0.7})
    assert str(refused.value) == (
        "Magnitude pruning: pattern 2:4 zeroes half of the weights, so sparsity must be 0.5, not 0.7. "
        "Leave sparsity out, or set pattern to none."
    )
