"""What follows from the same network and samples is reckoned once, and again as soon as anything of them differs."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from edgekit.techniques._once import once


@pytest.fixture
def counted():
    """A reckoning that gives another array each time, and so tells whether it was asked."""
    count = iter(range(100))
    return lambda: {"found": np.full(3, next(count))}


@pytest.fixture
def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(0.5)).eval()


def test_an_equal_network_and_equal_samples_have_the_answer_that_is_known(counted, network, request):
    samples = np.arange(6.0)
    first = once(request.node.name, (network, samples, 3), counted)
    again = once(request.node.name, (copy.deepcopy(network), samples.copy(), 3), counted)
    assert np.array_equal(first["found"], again["found"])


def _another_weight(network):
    with torch.no_grad():
        network[0].weight[0, 0, 0, 0] += 1e-3


def _another_statistic(network):
    network[1].running_mean += 1


def _another_setting(network):
    network[0].stride = (2, 2)


def _another_mode(network):
    network.train()


@pytest.mark.parametrize("change", [_another_weight, _another_statistic, _another_setting, _another_mode])
def test_a_network_that_differs_in_anything_is_another(counted, network, request, change):
    first = once(request.node.name, (network,), counted)
    change(network)
    assert not np.array_equal(first["found"], once(request.node.name, (network,), counted)["found"])


@pytest.mark.parametrize(
    "other", [np.arange(6.0) + 1, np.arange(6.0).reshape(2, 3), np.arange(6.0).astype(np.float32), np.arange(12.0)[::2]]
)
def test_other_samples_are_other_samples(counted, request, other):
    first = once(request.node.name, (np.arange(6.0),), counted)
    assert not np.array_equal(first["found"], once(request.node.name, (other,), counted)["found"])


def test_two_questions_about_the_same_are_two(counted, network):
    assert not np.array_equal(once("one", (network,), counted)["found"], once("two", (network,), counted)["found"])


def test_whoever_changes_an_answer_changes_a_copy(counted, request):
    wanted = once(request.node.name, (1,), counted)["found"].copy()
    once(request.node.name, (1,), counted)["found"][:] = -1
    assert np.array_equal(once(request.node.name, (1,), counted)["found"], wanted)
