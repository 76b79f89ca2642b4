"""The networks are the published ones: their sizes and costs are those of the papers, or of a count by hand."""

import pytest
import torch

from edgekit.core.errors import ModelError
from edgekit.models.architectures import FOR_ANY_IMAGE, build, fresh, multiply_accumulates, parameters, restored
from edgekit.models.architectures.blocks import rounded, strides


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


@pytest.mark.parametrize(
    ("name", "shape", "classes", "params", "macs"),
    [
        ("mobilenet_v1", (3, 224, 224), 1000, 4_231_976, 568_740_352),  # published: 4.2 M, 569 M
        ("mobilenet_v2", (3, 224, 224), 1000, 3_504_872, 300_774_272),  # 3.4 M, 300 M
        ("mobilenet_v3_small", (3, 224, 224), 1000, 2_542_856, 56_510_400),  # 2.5 M, 56 M
        ("efficientnet_lite0", (3, 224, 224), 1000, 4_652_008, 385_187_552),  # 4.7 M, 407 M with what is no convolution
        (
            "ds_cnn",
            (1, 49, 10),
            12,
            23_180,
            2_656_768,
        ),  # 23.2 k without the biases that normalisation makes idle, 2.7 M
        ("resnet8", (3, 32, 32), 10, 77_946, 12_501_632),
        ("resnet50", (3, 224, 224), 1000, 25_557_032, 4_089_184_256),  # 25.6 M, 4.1 G
        ("resnet101", (3, 224, 224), 1000, 44_549_160, 7_801_405_440),  # 44.5 M, 7.8 G
    ],
)
def test_networks_for_any_image_have_the_published_sizes(name, shape, classes, params, macs):
    network = build(name, classes, shape)
    assert parameters(network) == params
    assert multiply_accumulates(network, shape) == macs


@pytest.mark.parametrize(("name", "dim", "hidden", "depth"), [("seq2seq", 256, 1024, 3), ("seq2seq_small", 64, 192, 2)])
def test_a_transformer_that_reads_and_writes_has_the_sizes_of_a_count_by_hand(name, dim, hidden, depth):
    pieces, places = 2000, 20
    attention, feed_forward, norm = 4 * (dim * dim + dim), 2 * dim * hidden + hidden + dim, 2 * dim
    reads, writes = attention + feed_forward + 2 * norm, 2 * attention + feed_forward + 3 * norm
    tables = pieces * dim + 2 * places * dim + pieces * dim + pieces
    network = build(name, pieces, (2 * places,))
    assert parameters(network) == tables + depth * (reads + writes) + 2 * norm
    products = depth * (12 * dim**2 + 4 * dim * hidden) + pieces * dim
    assert multiply_accumulates(network, (2 * places,), torch.int64) == places * products
    assert network.eval()(torch.ones(2, 2 * places, dtype=torch.int64)).shape == (2, places, pieces)


@pytest.mark.parametrize(
    ("name", "shape", "params", "macs"),
    [
        # 5 · 6 · 32, 5 · 32 · 64, 5 · 64 · 64, 5 · 64 · 128 weights at 64, 32, 16 and 8 steps; two numbers a channel.
        (
            "cnn_1d",
            (6, 128),
            960 + 10_240 + 20_480 + 40_960 + 2 * 288 + 903,
            61_440 + 327_680 + 327_680 + 327_680 + 896,
        ),
        # Three gates of 96 states: 13 and 96 weights each, and two biases; 48 steps.
        ("gru", (48, 13), 288 * (13 + 96 + 2) + 97 * 7, 48 * 288 * (13 + 96) + 96 * 7),
    ],
)
def test_networks_for_series_have_the_parameters_counted_by_hand(name, shape, params, macs):
    network = build(name, 7, shape)
    assert parameters(network) == params
    assert multiply_accumulates(network, shape) == macs
    assert network.eval()(torch.zeros(2, *shape)).shape == (2, 7)


def test_the_detector_has_a_map_an_eighth_as_wide_and_the_sizes_counted_by_hand():
    stem, first, second, head = 9 * 16, 9 * (16 * 32 + 3 * 32 * 32), 9 * (32 * 64 + 5 * 64 * 64), 9 * 64 * 64
    beside = (16 * 32, 32 * 64)  # of the shortcuts that change the number of channels
    norms = 2 * (16 + 4 * 32 + 7 * 64)
    network = build("detector", 14, (1, 96, 96))
    assert parameters(network) == stem + first + second + head + sum(beside) + 32 + 64 + norms + 14 * 65
    assert multiply_accumulates(network, (1, 96, 96)) == (
        48**2 * stem + 24**2 * (first + beside[0]) + 12**2 * (second + beside[1] + head + 14 * 64)
    )
    assert network.eval()(torch.zeros(2, 1, 96, 64)).shape == (2, 14, 12, 8)


def test_the_autoencoder_has_mlperf_tinys_size_and_puts_out_what_it_cannot_rebuild():
    network = build("autoencoder", 640, (5, 128)).eval()
    assert parameters(network) == 267_928 - 8 * 128 - 8  # published, without the biases that normalisation makes idle
    series = torch.randn(2, 5, 128)
    with torch.no_grad():
        left = network(series)
        torch.testing.assert_close(
            series.flatten(1) - left, network.rebuilt(network.decoder(network.encoder(series.flatten(1))))
        )


def test_the_gru_is_the_one_of_its_formula():
    network, series = build("gru", 3, (4, 2)).eval(), torch.randn(1, 4, 2)
    h = torch.zeros(1, 96)
    for x in series[0]:
        (r, z, n), (ur, uz, un) = (
            layer(value).chunk(3, 1) for layer, value in ((network.from_input, x[None]), (network.from_state, h))
        )
        r, z = (r + ur).sigmoid(), (z + uz).sigmoid()
        h = (1 - z) * (n + r * un).tanh() + z * h
    assert torch.allclose(network(series), network.fc(h), atol=1e-6)


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (3, 96, 96), (1, 49, 10), (2, 5, 7)])
@pytest.mark.parametrize("name", FOR_ANY_IMAGE)
def test_any_image_fits_and_the_width_narrows(name, shape):
    sizes = []
    for width in (0.25, 0.5, 1.0):
        network = fresh(name, 7, shape, width, seed=0)
        assert network.eval()(torch.zeros(2, *shape)).shape == (2, 7)
        sizes.append(parameters(network))
    assert sizes[0] < sizes[1] < sizes[2]


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        (224, [2, 2, 2, 2, 2]),
        (96, [2, 2, 2, 2, 2]),
        (64, [1, 2, 2, 2, 2]),
        (32, [1, 1, 2, 2, 2]),
        (28, [1, 1, 2, 2, 2]),
    ],
)
def test_small_images_are_halved_less_often_and_later(side, expected):
    assert strides([2, 2, 2, 2, 2], (3, side, side)) == expected


def test_the_shorter_side_decides_and_strides_of_one_stay():
    assert strides([2, 1, 2, 1, 2], (1, 49, 10)) == [1, 1, 1, 1, 2]
    assert strides([2, 1, 2], (3, 2, 2)) == [1, 1, 1]


def test_channels_are_rounded_to_multiples_of_eight_without_losing_a_tenth():
    assert [rounded(channels) for channels in (3, 8, 12, 16, 20, 24 * 0.75, 32 * 0.35)] == [8, 8, 16, 16, 24, 24, 16]


def test_the_seed_decides_fresh_weights_and_the_global_state_stays():
    state = torch.get_rng_state()
    first, same, other = (fresh("ds_cnn", 10, (1, 28, 28), 0.5, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["fc.weight"], other["fc.weight"])
    assert torch.equal(state, torch.get_rng_state())


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
