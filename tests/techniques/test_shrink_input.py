"""A smaller input: what a new pixel is made of, and that layers fitted to it give what they should."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from edgekit.artifacts.export import export
from edgekit.core.errors import ModelError, NothingToDo
from edgekit.core.technique import Fact
from edgekit.models.architectures.lenet5 import LeNet5
from edgekit.techniques._smaller_images import Grey, Haar, Smaller, means
from edgekit.techniques.quantize_static import QuantizeStatic
from edgekit.techniques.shrink_input import ShrinkInput, shares_of_grey
from tests.techniques.benches import a_bench
from tests.techniques.graphs import kernels, run


class Net(nn.Module):
    """A convolution, a ReLU, a mean over space and a Linear."""

    def __init__(self, channels=3, kernel=3, stride=1, padding=1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 8, kernel, stride, padding)
        self.fc = nn.Linear(8, 10)

    def forward(self, images):
        return self.fc(self.conv1(images).relu().mean((2, 3)))


def images(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3))


def made(network: nn.Module, shape=(3, 8, 8), **settings):
    return ShrinkInput(**{"epochs": 0} | settings).apply(network.eval(), a_bench(shape))


def test_a_pixel_is_the_mean_of_the_area_that_it_covers():
    assert torch.allclose(means(3, 2, "area"), torch.tensor([[2 / 3, 1 / 3, 0], [0, 1 / 3, 2 / 3]]))
    assert torch.equal(means(4, 2, "area"), torch.tensor([[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]]))


def test_bilinear_is_a_triangle_two_new_pixels_wide():
    # The first new pixel lies at (0 + 0.5) · 2 − 0.5 = 0.5: distances 0.5, 0.5, 1.5 over a half-width of 2.
    assert means(4, 2, "bilinear")[0].tolist() == pytest.approx([0.75 / 1.75, 0.75 / 1.75, 0.25 / 1.75, 0])


@pytest.mark.parametrize("how", ["area", "bilinear"])
def test_an_even_image_stays_even(how):
    flat = torch.full((1, 2, 7, 10), 3.0)
    smaller = Smaller((7, 10), (5, 6), how)(flat)
    assert smaller.shape == (1, 2, 5, 6)
    assert torch.allclose(smaller, torch.tensor(3.0))


def test_pooling_and_the_matrices_are_the_same_mean():
    x = images(2, 3, 8, 6)
    rows, columns = means(8, 4, "area"), means(6, 2, "area")
    assert torch.allclose(Smaller((8, 6), (4, 2), "area")(x), rows @ x @ columns.T, atol=1e-6)


def test_haar_gives_the_mean_of_a_block_and_its_differences_and_loses_nothing():
    block = torch.tensor([[[[1.0, 2], [3, 6]]]])
    assert Haar(1)(block).flatten().tolist() == [3.0, -1.0, -1.5, 0.5]  # low, upright, level, slanted
    low, upright, level, slanted = Haar(1)(block).flatten().tolist()
    assert (low + upright + level + slanted, low - upright + level - slanted) == (1, 2)


@pytest.mark.parametrize(("kernel", "padding"), [(1, 0), (3, 1), (3, 0), (5, 2), (5, 0), (7, 3), (4, 1)])
def test_after_haar_the_first_convolution_gives_the_means_of_what_it_gave(kernel, padding):
    network, x = Net(kernel=kernel, padding=padding), images(2, 3, 12, 8)
    wanted = nn.functional.avg_pool2d(network.conv1(x), 2)
    changed = made(network, (3, 12, 8), mode="haar").result
    assert torch.allclose(changed.conv1(changed.shrink(x)), wanted, atol=1e-5)


@pytest.mark.parametrize(("kernel", "padding"), [(1, 0), (2, 0), (3, 1), (3, 0), (5, 2), (6, 2), (7, 3), (4, 1)])
def test_after_haar_a_network_that_halves_at_once_answers_the_very_same(kernel, padding):
    network, x = Net(kernel=kernel, stride=2, padding=padding), images(2, 3, 12, 8)
    wanted = network(x)
    assert torch.allclose(made(network, (3, 12, 8), mode="haar").result(x), wanted, atol=1e-5)


def test_grey_images_in_colour_are_answered_as_before():
    network = Net()
    grey = images(4, 1, 8, 8).expand(-1, 3, -1, -1)
    assert shares_of_grey(grey).tolist() == pytest.approx([1, 1, 1])
    bench = a_bench((3, 8, 8))
    object.__setattr__(bench, "calibration", lambda n: grey.numpy())
    wanted = network(grey)
    applied = ShrinkInput(mode="grey", epochs=0).apply(network, bench)
    assert applied.result.conv1.weight.shape == (8, 1, 3, 3)
    assert torch.allclose(applied.result(grey), wanted, atol=1e-5)
    assert [(one.layer, one.what) for one in applied.changes] == [("conv1", "reads 1 channel instead of 3")]


def test_the_share_of_a_colour_is_its_least_squares_factor():
    x = images(50, 3, 4, 4)
    grey = Grey()(x).flatten().double().numpy()
    wanted = [np.linalg.lstsq(grey[:, None], x[:, c].flatten().double().numpy(), rcond=None)[0][0] for c in range(3)]
    assert shares_of_grey(x).tolist() == pytest.approx(wanted, rel=1e-4)


def test_a_linear_that_reads_flattened_maps_answers_the_same_where_maps_are_even():
    torch.manual_seed(0)
    network, flat = LeNet5().eval(), torch.full((1, 1, 28, 28), 0.7)
    with torch.no_grad():
        wanted = network(flat)
        applied = made(network, (1, 28, 28), scale=0.75)
        assert torch.allclose(applied.result(flat), wanted, atol=1e-5)
    assert [(one.layer, one.what) for one in applied.changes] == [
        ("conv1", "reads 21 × 21 pixels instead of 28 × 28"),
        ("fc1", "reads maps of 2 × 2 instead of 4 × 4"),
    ]


def test_convolutions_are_padded_where_no_pixel_would_be_left():
    applied = made(LeNet5(), (1, 28, 28), scale=0.5)
    assert [(one.layer, one.what) for one in applied.changes] == [
        ("conv1", "reads 14 × 14 pixels instead of 28 × 28"),
        ("conv1", "padded by 2, or no pixel would be left"),
        ("conv2", "padded by 2, or no pixel would be left"),
        ("fc1", "reads maps of 3 × 3 instead of 4 × 4"),
    ]
    assert applied.result(images(2, 1, 28, 28)).shape == (2, 10)


def test_layers_keep_their_names_and_steps_add_up():
    network = made(made(LeNet5(), (1, 28, 28), scale=0.75).result, (1, 28, 28), scale=0.8).result
    assert type(network).__name__ == "LeNet5"
    assert {name for name, _ in network.named_children()} == {"conv1", "conv2", "fc1", "fc2", "shrink"}
    assert network.shrink(images(1, 1, 28, 28)).shape == (1, 1, 17, 17)


def test_a_sequence_of_layers_is_shrunk_at_its_start():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10))
    changed = made(network, scale=0.5).result
    assert [name for name, _ in changed.named_children()] == ["shrink", "0", "1", "2", "3", "4"]
    assert changed(images(2, 3, 8, 8)).shape == (2, 10)


@pytest.mark.parametrize("around", [lambda network: network, torch.fx.symbolic_trace], ids=["class", "traced"])
def test_a_copy_sees_no_more_than_the_network(around):
    network, x = around(Net()), images(2, 3, 8, 8)
    changed = copy.deepcopy(made(network).result)
    coarse = nn.functional.interpolate(nn.functional.avg_pool2d(x, 2), scale_factor=2)
    assert torch.allclose(changed(x), changed(coarse), atol=1e-6)


@pytest.mark.parametrize("settings", [{}, {"mode": "haar"}, {"mode": "grey"}, {"scale": 0.7}], ids=str)
def test_the_file_takes_the_whole_image_and_its_convolutions_become_integers(settings, tmp_path):
    network, x = made(Net(), (3, 16, 16), **settings).result, images(5, 3, 16, 16)
    graph = export(network, np.zeros((1, 3, 16, 16), np.float32))
    assert np.abs(run(graph, x.numpy()) - network(x).detach().numpy()).max() < 1e-5
    quantized = QuantizeStatic().apply(graph, a_bench((3, 16, 16))).result
    found = kernels(quantized, tmp_path)
    assert found["QLinearConv"] == (2 if settings.get("mode") == "haar" else 1)
    assert "Conv" not in found


def test_it_trains_only_when_asked():
    applied = made(Net(), epochs=2)
    assert [point["epoch"] for point in applied.curve] == [1, 2]
    assert made(Net()).curve == []
    assert ShrinkInput().trains
    assert not ShrinkInput(epochs=0).trains


def test_only_grey_needs_colours_and_afterwards_there_are_none():
    assert ShrinkInput().needs == {Fact.FLOAT_WEIGHTS, Fact.CHANNELS_FIRST, Fact.TRAINING_DATA}
    wanted = {Fact.FLOAT_WEIGHTS, Fact.CHANNELS_FIRST, Fact.COLOUR, Fact.CALIBRATION_DATA}
    assert ShrinkInput(mode="grey", epochs=0).needs == wanted
    assert [ShrinkInput(mode=mode).removes for mode in ("resolution", "haar")] == [set(), {Fact.COLOUR}]


def test_a_scale_that_changes_no_pixel_is_nothing_to_do():
    with pytest.raises(NothingToDo) as said:
        made(Net(), scale=0.95)
    assert str(said.value) == (
        "Smaller input at scale 0.95 leaves the images at 8 × 8. Lower scale, choose another mode, or remove the step."
    )


def test_haar_needs_even_sides():
    with pytest.raises(ModelError) as said:
        made(Net(), (3, 7, 8), mode="haar")
    assert str(said.value) == (
        "Smaller input with mode haar needs images of even height and width, and a first convolution of stride 1 or 2; "
        "these are 7 × 8, and its stride is 1. Choose mode resolution."
    )


@pytest.mark.parametrize(
    "network", [nn.Sequential(nn.Flatten(), nn.Linear(192, 10)), nn.Sequential(nn.Conv2d(3, 6, 3, groups=3))]
)
def test_a_network_without_an_ordinary_first_convolution_is_refused(network):
    with pytest.raises(ModelError) as said:
        made(network)
    assert str(said.value) == (
        "Smaller input needs a network whose images are read by an ordinary convolution (no groups, no dilation, "
        "padded with zeros), which Sequential does not have. Remove the step."
    )


def test_a_network_whose_maps_cannot_get_smaller_is_refused():
    network = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.AvgPool2d(8), nn.Flatten(), nn.Linear(4, 10))
    with pytest.raises(ModelError) as said:
        made(network)
    assert str(said.value) == (
        "Smaller input: the layers of Sequential do not fit smaller maps. "
        "Raise scale, choose another mode, or take a convolutional network that ends in a mean over space."
    )
