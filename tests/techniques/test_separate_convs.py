"""Convolutions taken apart: exact where that is possible, else the nearest, under names that say what is what."""

import pytest
import torch
from torch import nn

from edgekit.artifacts.export import export
from edgekit.core.errors import NothingToDo, SettingError
from edgekit.core.technique import Fact
from edgekit.models.architectures.resnet import ResNet
from edgekit.techniques._separable import nearest
from edgekit.techniques.prune_channels import PruneChannels
from edgekit.techniques.quantize_static import QuantizeStatic
from edgekit.techniques.separate_convs import SeparateConvs
from tests.techniques.benches import a_bench
from tests.techniques.graphs import kernels, run


def images(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3))


def made(network: nn.Module, shape=(3, 8, 8), **settings):
    return SeparateConvs(**{"epochs": 0} | settings).apply(network.eval(), a_bench(shape))


def of_rank(rank: int, **how) -> nn.Conv2d:
    """A convolution of 4 channels to 16 whose kernels, for each input channel, are mixtures of `rank` filters."""
    layer = nn.Conv2d(4, 16, 3, **how)
    mixing, filters = images(16, 4, rank), images(4, rank, 9)
    with torch.no_grad():
        layer.weight.copy_(torch.einsum("ocr,cra->oca", mixing, filters).view(16, 4, 3, 3))
    return layer


def test_two_kernels_that_are_multiples_of_one_are_found_by_hand():
    weight = torch.tensor([[[3.0, 4.0]], [[6.0, 8.0]]])  # (2 outputs, 1 channel, 2 pixels): (3, 4) and twice that
    filters, mixing, kept = nearest(weight, 1)
    sign = filters[0, 0, 0].sign()
    assert (sign * filters).flatten().tolist() == pytest.approx([0.6, 0.8])
    assert (sign * mixing).flatten().tolist() == pytest.approx([5, 10])
    assert kept == pytest.approx(1)


def test_of_two_filters_at_right_angles_the_one_with_more_energy_is_kept():
    weight = torch.tensor([[[3.0, 0.0]], [[0.0, 1.0]]])
    filters, mixing, kept = nearest(weight, 1)
    assert torch.allclose(torch.einsum("ocr,cra->oca", mixing, filters), torch.tensor([[[3.0, 0]], [[0, 0]]]))
    assert kept == pytest.approx(0.9)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize(
    "how", [{}, {"stride": 2, "padding": 1}, {"bias": False, "dilation": 2}, {"padding": 1, "padding_mode": "reflect"}]
)
def test_a_convolution_of_that_rank_comes_out_the_same(rank, how):
    layer, x = of_rank(rank, **how), images(2, 4, 9, 9)
    wanted = layer(x)
    applied = made(nn.Sequential(layer), (4, 9, 9), multiplier=rank)
    assert torch.allclose(applied.result(x), wanted, atol=1e-4)


def test_more_filters_come_nearer():
    torch.manual_seed(0)
    layer, x = nn.Conv2d(4, 64, 3), images(2, 4, 9, 9)
    pairs = [made(nn.Sequential(layer), (4, 9, 9), multiplier=count).result for count in (1, 2, 4)]
    errors = [(pair(x) - layer(x)).norm().item() for pair in pairs]
    assert errors == sorted(errors, reverse=True)


def test_what_changed_says_how_much_is_left_and_how_near_it_is():
    applied = made(nn.Sequential(of_rank(1)), (4, 9, 9))
    assert [(one.layer, one.what) for one in applied.changes] == [
        ("0", "17% of the weights, which hold 100% of their energy at first")  # (4 · 9 + 4 · 16) / (4 · 9 · 16)
    ]
    pair = applied.result[0]
    assert (pair.depthwise.weight.shape, pair.depthwise.groups) == ((4, 1, 3, 3), 4)
    assert pair.pointwise.weight.shape == (16, 4, 1, 1)
    assert [name for name, _ in applied.result.named_parameters()] == [
        "0.depthwise.weight", "0.pointwise.weight", "0.pointwise.bias"
    ]  # fmt: skip


def test_pointwise_grouped_and_tiny_convolutions_stay():
    network = nn.Sequential(nn.Conv2d(4, 8, 1), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 1, 3))
    with pytest.raises(NothingToDo) as said:
        made(network, (4, 9, 9))
    assert str(said.value) == (
        "Separable convolutions found no convolution that two would make smaller at multiplier 1. "
        "Lower multiplier, skip fewer layers, or remove the step."
    )


def test_a_layer_may_have_its_own_multiplier_or_be_left_alone():
    network = nn.Sequential(nn.Conv2d(3, 16, 3), nn.Conv2d(16, 16, 3), nn.Conv2d(16, 16, 3))
    changed = made(network, layers={"1": {"multiplier": 2}}, skip=["2"]).result
    assert [changed[0].depthwise.groups, changed[1].depthwise.groups] == [3, 2 * 16]
    assert isinstance(changed[2], nn.Conv2d)


def test_layers_cannot_train_by_themselves():
    with pytest.raises(SettingError) as refused:
        SeparateConvs.make({"layers": {"conv*": {"epochs": 1}}})
    assert str(refused.value) == (
        "Separable convolutions: layers['conv*'] cannot hold epochs, which the whole network shares; "
        "a layer may have its own multiplier"
    )


@pytest.mark.parametrize("multiplier", [1, 2])
def test_batch_norm_is_folded_behind_it_and_all_of_it_becomes_integers(multiplier, tmp_path):
    torch.manual_seed(0)
    network, x = made(ResNet(1), (3, 16, 16), multiplier=multiplier).result, images(4, 3, 16, 16)
    graph = export(network, x[:1].numpy())
    assert not [node for node in graph.graph.node if node.op_type == "BatchNormalization"]
    assert "stage1.0.conv1.depthwise" in [node.name for node in graph.graph.node]
    assert abs(run(graph, x.numpy()) - network(x).detach().numpy()).max() < 1e-4
    found = kernels(QuantizeStatic().apply(graph, a_bench((3, 16, 16))).result, tmp_path)
    assert (found["QLinearConv"], found["Conv"]) == (2 * 7 + 2, 0)  # seven pairs and the two shortcuts


def test_channels_can_be_pruned_afterwards():
    torch.manual_seed(0)
    network, x = made(ResNet(1), (3, 16, 16)).result, images(4, 3, 16, 16)
    pruned = PruneChannels(sparsity=0.5).apply(network, a_bench((3, 16, 16))).result
    assert pruned.get_submodule("stage1.0.conv1").depthwise.groups == 8
    assert pruned(x).shape == (4, 10)


def test_it_trains_only_when_asked():
    applied = made(nn.Sequential(of_rank(2), nn.AdaptiveAvgPool2d(1), nn.Flatten()), (4, 9, 9), epochs=2)
    assert [point["epoch"] for point in applied.curve] == [1, 2]
    assert SeparateConvs().needs == {Fact.FLOAT_WEIGHTS, Fact.TRAINING_DATA}
    assert SeparateConvs(epochs=0).needs == {Fact.FLOAT_WEIGHTS}
    assert not SeparateConvs(epochs=0).trains
