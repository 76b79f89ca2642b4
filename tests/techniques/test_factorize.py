"""Factorisation: matrices worked by hand, what is lost is what was dropped, and full rank is the layer itself."""

import copy

import pytest
import torch
from torch import nn

from edgekit.core.errors import NothingToDo, SettingError
from edgekit.core.technique import Applied, Change, Fact
from edgekit.models.architectures import build
from edgekit.models.architectures.lenet5 import LeNet5
from edgekit.models.architectures.resnet import resnet8
from edgekit.models.architectures.vit import VisionTransformer
from edgekit.techniques._factors import Way, lost, thin_layers, ways
from edgekit.techniques._forward import second_moments
from edgekit.techniques.factorize import Factorize
from tests.techniques.benches import a_bench, linear

IMAGE, GREY = (3, 32, 32), (1, 28, 28)
CONVS = [
    {},
    {"stride": 2, "padding": 1},
    {"stride": (1, 2), "padding": (2, 0), "dilation": (1, 2), "bias": False},
]


@pytest.fixture(autouse=True)
def _the_same_weights_each_time():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def apply(network: nn.Module, shape: tuple[int, ...], **settings) -> Applied:
    return Factorize(**settings).apply(copy.deepcopy(network), a_bench(shape))


def told(applied: Applied) -> dict[str, str]:
    return {change.layer: change.what for change in applied.changes}


def whole_ranks(way: Way) -> list[int]:
    return [len(energy) for energy in way.energies]


def some_moments(size: int) -> torch.Tensor:
    rows = torch.randn(4 * size, size, dtype=torch.float64) * torch.linspace(0.1, 3, size)
    return rows.T @ rows / len(rows)


def test_a_matrix_worked_by_hand():
    """[[3, 0], [4, 5]] has the singular values √45 and √5; its best matrix of rank 1 is [[1.5, 1.5], [4.5, 4.5]]."""
    (way,) = ways(linear([[3.0, 0.0], [4.0, 5.0]])[0], "auto", None)
    assert way.energies[0].tolist() == pytest.approx([45.0, 5.0])
    factors = way.factors([1])
    assert [tuple(factor.shape) for factor in factors] == [(1, 2), (2, 1)]
    assert torch.allclose(way.product(factors), torch.tensor([[1.5, 1.5], [4.5, 4.5]], dtype=torch.float64))


def test_the_error_is_the_energy_of_the_dropped_singular_values():
    layer = nn.Linear(12, 8)
    (way,), squared = ways(layer, "auto", None), torch.linalg.svdvals(layer.weight.detach().double()).square()
    for rank in (1, 3, 7):
        error = lost(layer.weight, way.product(way.factors([rank])), None)
        assert error == pytest.approx(float(squared[rank:].sum() / squared.sum()), rel=1e-5)


def test_fitting_outputs_leaves_out_directions_in_which_no_input_ever_points():
    inputs = torch.randn(64, 1) * torch.tensor([[1.0, 2.0]])  # always twice as much of the second
    moments = (inputs.T @ inputs / 64).double() + 1e-9 * torch.eye(2)
    layer = linear([[3.0, 0.0], [4.0, 5.0]])[0]
    (way,) = ways(layer, "auto", moments)
    instead = way.product(way.factors([1])).float()
    assert torch.allclose(inputs @ instead.T, inputs @ layer.weight.T, atol=1e-3)  # (3, 14) for every (1, 2)
    assert lost(layer.weight, instead, moments) < 1e-6


@pytest.mark.parametrize("with_data", [False, True], ids=["weights", "outputs"])
def test_at_full_rank_the_factors_are_the_layer(with_data: bool):
    linear_layer, pointwise = nn.Linear(6, 5), nn.Conv2d(6, 5, 1, stride=2)
    kernels = [nn.Conv2d(4, 6, (3, 5), **settings) for settings in CONVS]
    for layer in (linear_layer, pointwise, *kernels):
        for way in ways(layer, "auto", some_moments(layer.weight[0].numel()) if with_data else None):
            inputs = torch.randn(2, 6) if layer is linear_layer else torch.randn(2, layer.in_channels, 9, 11)
            thin = thin_layers(layer, way.method, way.factors(whole_ranks(way)))
            with torch.no_grad():
                assert torch.allclose(thin(inputs), layer(inputs), atol=1e-5)


@pytest.mark.parametrize("method", ["spatial", "tucker"])
@pytest.mark.parametrize("settings", CONVS)
def test_thin_convolutions_compute_what_their_product_does(method: str, settings: dict):
    layer, inputs = nn.Conv2d(4, 6, (3, 5), **settings), torch.randn(2, 4, 9, 11)
    (way,) = ways(layer, method, None)
    factors = way.factors([2] * len(way.energies))
    thin = thin_layers(layer, way.method, factors)
    assert sum(part.weight.numel() for part in thin) == way.weights([2] * len(way.energies))
    with torch.no_grad():
        wanted = layer(inputs)
        layer.weight.copy_(way.product(factors))
        assert torch.allclose(thin(inputs), layer(inputs), atol=1e-5)
        assert not torch.allclose(thin(inputs), wanted, atol=1e-2)


def test_a_kernel_that_is_a_product_is_found_at_its_rank():
    layer = nn.Conv2d(8, 8, 3, bias=False)
    with torch.no_grad():  # rank 2 between (out, width) and (in, height)
        layer.weight.copy_(torch.einsum("orw,rih->oihw", torch.randn(8, 2, 3), torch.randn(2, 8, 3)))
    applied = apply(nn.Sequential(layer), (8, 6, 6), keep=0.99, of="energy", edges=True, fit="weights")
    assert told(applied) == {"0.0": "0 as 2 layers (spatial, rank 2): 16.7% of its weights, 100.0% of its energy"}


def test_a_kernel_of_few_channels_is_found_by_tucker():
    layer = nn.Conv2d(8, 8, 3, bias=False)
    with torch.no_grad():
        core = torch.randn(2, 2, 3, 3)
        layer.weight.copy_(torch.einsum("os,srhw,ri->oihw", torch.randn(8, 2), core, torch.randn(2, 8)))
    applied = apply(nn.Sequential(layer), (8, 6, 6), keep=0.99, of="energy", edges=True, fit="weights")
    assert told(applied) == {"0.0": "0 as 3 layers (tucker, ranks 2 and 2): 11.8% of its weights, 100.0% of its energy"}


@pytest.mark.parametrize("method", ["auto", "spatial", "tucker"])
@pytest.mark.parametrize("keep", [0.2, 0.5])
def test_the_factors_hold_no_more_than_the_share_of_the_weights(method: str, keep: float):
    network = resnet8().eval()
    applied = apply(network, IMAGE, keep=keep, method=method)
    for name, layer in network.named_modules():
        if isinstance(thin := applied.result.get_submodule(name), nn.Sequential) and not isinstance(
            layer, nn.Sequential
        ):
            assert sum(part.weight.numel() for part in thin) <= keep * layer.weight.numel()
    assert applied.result(torch.zeros(2, *IMAGE)).shape == (2, 10)


@pytest.mark.parametrize("fit", ["weights", "outputs"])
def test_auto_takes_the_way_of_least_error_for_its_weights(fit: str):
    layer = nn.Conv2d(6, 10, 3)
    moments = some_moments(54) if fit == "outputs" else None
    products = {method: Factorize(method=method)._product(layer, moments) for method in ("auto", "spatial", "tucker")}
    assert products["auto"].lost == min(products["spatial"].lost, products["tucker"].lost)


def test_auto_takes_the_way_of_fewest_weights_for_its_energy():
    layer = nn.Conv2d(6, 10, 3)
    weights = {}
    for method in ("auto", "spatial", "tucker"):
        product = Factorize(method=method, keep=0.6, of="energy")._product(layer, None)
        assert product.lost <= 0.4 + 1e-9
        weights[method] = product.way.weights(product.ranks)
    assert weights["auto"] == min(weights["spatial"], weights["tucker"])


def test_fitting_outputs_loses_less_of_them():
    network, bench = resnet8().eval(), a_bench(IMAGE)
    inputs = torch.from_numpy(bench.calibration(64))
    errors = {}
    with torch.no_grad():
        for fit in ("weights", "outputs"):
            thin = apply(network, IMAGE, fit=fit, skip=["stage[13]*"]).result
            wanted, got = network.stage2(network.stage1(network.bn(network.stem(inputs)).relu())), None
            got = thin.stage2(thin.stage1(thin.bn(thin.stem(inputs)).relu()))
            errors[fit] = float((got - wanted).square().sum())
    assert errors["outputs"] < errors["weights"]


def test_second_moments_are_those_of_what_meets_the_weights():
    network, bench = nn.Sequential(nn.Conv2d(2, 3, 2, padding=1), nn.Flatten(), nn.Linear(75, 4)), a_bench((2, 4, 4))
    inputs = bench.calibration(64)
    found = second_moments(network, [("0", network[0]), ("2", network[2])], inputs, bench)
    patches = nn.functional.unfold(torch.from_numpy(inputs), 2, padding=1).transpose(1, 2).flatten(0, 1).double()
    wanted = patches.T @ patches / len(patches)
    wanted += 0.01 * wanted.diagonal().mean() * torch.eye(8)
    assert torch.allclose(found["0"], wanted, rtol=1e-5)  # 64 samples of 25 places: all of them were drawn
    assert found["2"].shape == (75, 75)


def test_lenet5_keeps_its_first_and_last_layer_unless_asked():
    assert list(told(apply(LeNet5(), GREY))) == ["conv2.0", "fc1.0"]
    assert list(told(apply(LeNet5(), GREY, edges=True))) == ["conv1.0", "conv2.0", "fc1.0", "fc2.0"]
    assert list(told(apply(LeNet5(), GREY, layers={"fc2": {"edges": True}}))) == ["conv2.0", "fc1.0", "fc2.0"]


def test_the_last_factor_has_the_bias_and_batch_normalisation_stays():
    network = resnet8().eval()
    thin = apply(network, IMAGE).result
    assert isinstance(thin.stage1[0].bn1, nn.BatchNorm2d)
    assert thin.stage2[0].shortcut[0].bias is None
    assert torch.equal(thin.stage2[0].shortcut[1].bias, network.stage2[0].shortcut.bias)


def test_a_layer_whose_factors_would_be_larger_stays_whole_and_this_is_said():
    applied = apply(LeNet5(), GREY, layers={"fc2": {"of": "energy", "keep": 0.9999, "edges": True}})
    assert applied.changes[-1] == Change("fc2", "left whole: its factors would hold no fewer weights")
    assert type(applied.result.fc2) is nn.Linear


def test_grouped_convolutions_and_the_layers_of_torchs_own_attention_stay_whole():
    network = nn.Sequential(nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3, groups=2), nn.Conv2d(4, 4, 3, padding="same"))
    network.append(nn.Conv2d(4, 4, 1))
    network.append(nn.MultiheadAttention(4, 2))
    assert Factorize()._chosen(list(network.named_modules())[1:-1]) == [("3", network[3], Factorize())]


def test_the_projections_of_attention_are_factorised_and_it_is_said_that_heads_cannot_go_afterwards():
    network = VisionTransformer(patch=8, dim=32, depth=1, num_heads=4, hidden=64)
    applied = apply(network, IMAGE)
    assert {"blocks.0.attention.q.0", "blocks.0.mlp.fc1.0"} <= set(told(applied))
    assert Factorize().removes == {Fact.ATTENTION}
    assert applied.result(torch.zeros(2, *IMAGE)).shape == (2, 10)


def test_nothing_to_do_says_why():
    with pytest.raises(NothingToDo) as said:
        apply(LeNet5(), GREY, keep=1.0)
    assert str(said.value) == (
        "Factorisation found no layer whose factors hold fewer weights at keep 1 of weights. "
        "Lower keep, skip fewer layers, or remove the step."
    )


def test_samples_are_the_same_for_all_layers():
    with pytest.raises(SettingError) as refused:
        Factorize.make({"layers": {"fc1": {"samples": 64}}})
    assert str(refused.value) == (
        "Factorisation: layers['fc1'] cannot hold samples, which the whole network shares; "
        "a layer may have its own keep, of, method, fit, edges"
    )


@pytest.mark.parametrize(
    ("settings", "extra"),
    [
        ({}, {Fact.CALIBRATION_DATA}),
        ({"fit": "weights"}, set()),
        ({"fit": "weights", "layers": {"fc1": {"fit": "outputs"}}}, {Fact.CALIBRATION_DATA}),
    ],
)
def test_it_needs_samples_where_it_fits_outputs(settings: dict, extra: set[Fact]):
    assert Factorize(**settings).needs == {Fact.FLOAT_WEIGHTS} | extra


def test_layers_whose_weights_a_recurrent_operator_reads_are_left_whole():
    network = build("gru", 96, (6, 64)).eval()
    done = Factorize(keep=0.3, edges=True).apply(network, a_bench((6, 64)))
    assert [change.layer for change in done.changes] == ["fc.0"]
    assert type(done.result.from_state).__name__ == "Linear"
