"""The networks are the published ones: their sizes and costs are those of the papers, or of a count by hand."""

import pytest
import torch

from edgekit.core.errors import ModelError
from edgekit.models.architectures import build, multiply_accumulates, parameters, restored


@pytest.mark.parametrize(
    ("name", "shape", "params", "macs"),
    [
        ("lenet5", (1, 28, 28), 431_080, 2_293_000),
        ("resnet8", (3, 32, 32), 77_946, 12_501_632),
        ("resnet20", (3, 32, 32), 272_378, 40_813_184),
        ("vit-tiny", (3, 32, 32), 460_714, 28_607_424),
    ],
)
def test_parameters_and_multiply_accumulates_are_the_published_ones(name, shape, params, macs):
    network = build(name)
    assert parameters(network) == params
    assert multiply_accumulates(network, shape) == macs
    assert network.eval()(torch.zeros(2, *shape)).shape == (2, 10)


def test_lenet5_counted_by_hand():
    convolutions = 24 * 24 * 20 * 25 + 8 * 8 * 50 * 20 * 25
    assert multiply_accumulates(build("lenet5"), (1, 28, 28)) == convolutions + 800 * 500 + 500 * 10


def test_vit_tiny_counted_by_hand():
    block = 4 * 96 * (96 + 1) + 96 * 192 + 192 + 192 * 96 + 96 + 4 * 96
    assert parameters(build("vit-tiny")) == 3 * 16 * 96 + 96 + 64 * 96 + 6 * block + 2 * 96 + 96 * 10 + 10


def test_counting_leaves_the_network_as_it_was():
    network = build("resnet8").train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    multiply_accumulates(network, (3, 32, 32))
    assert network.training
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())


def test_restored_weights_are_the_ones_given_and_no_random_number_is_drawn():
    given, state = build("resnet8").state_dict(), torch.get_rng_state()
    network = restored("resnet8", 10, given)
    assert all(torch.equal(given[name], value) for name, value in network.state_dict().items())
    assert not network.training
    assert torch.equal(state, torch.get_rng_state())


def test_an_unknown_architecture_is_refused_with_the_nearest_name():
    with pytest.raises(ModelError) as refused:
        build("resnet18")
    assert str(refused.value) == "no architecture 'resnet18'. Did you mean 'resnet8'?"


def test_weights_of_another_network_are_refused_with_the_first_that_differs():
    with pytest.raises(ModelError) as refused:
        restored("lenet5", 10, build("lenet5", classes=5).state_dict())
    assert str(refused.value) == (
        "weights of lenet5 must have its names and shapes; 2 differ, such as fc2.bias: it must be (10,), and is (5,)."
    )
