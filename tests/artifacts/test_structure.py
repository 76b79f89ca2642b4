"""Two networks share a structure exactly if their graphs can differ in float weights only."""

import functools

import torch
from torch import nn

from edgekit.artifacts.structure import structure
from tests.artifacts.networks import IMAGE, Shared, convolutional, example


def _key(network: nn.Module, shape: tuple[int, ...] = IMAGE):
    return structure(network, example(shape))


def test_other_weights_have_the_same_structure():
    other = convolutional()
    with torch.no_grad():
        other[0].weight.zero_()
    assert _key(convolutional()) == _key(other)


def test_another_input_shape_is_another_structure():
    assert _key(convolutional()) != _key(convolutional(), (1, 3, 9, 9))


def test_true_one_and_one_point_zero_are_told_apart():
    keys = []
    for value in (1, 1.0, True):
        network = nn.Identity()
        network.setting = value
        keys.append(_key(network))
    assert len(set(keys)) == 3


def test_integer_buffers_count_by_their_values():
    keys = []
    for value in (1, 2):
        network = nn.Identity()
        network.register_buffer("index", torch.tensor([value]))
        keys.append(_key(network))
    assert keys[0] != keys[1]


def test_shared_weights_are_another_structure_than_equal_ones():
    apart = Shared()
    apart.second.weight = nn.Parameter(apart.first.weight.detach().clone())
    assert _key(Shared()) != _key(apart)


def test_plain_functions_and_dictionaries_can_be_compared():
    network = nn.Identity()
    network.settings = {"activation": torch.nn.functional.relu, "sizes": [1, (2, 3)], "names": {"a"}}
    assert _key(network) == _key(network)
    assert _key(network) is not None


def test_hooks_and_objects_make_a_structure_unknown():
    hooked = convolutional()
    hooked[0].register_forward_hook(lambda *args: None)
    assert _key(hooked) is None
    holding = nn.Identity()
    holding.setting = functools.partial(max, 1)
    assert _key(holding) is None
