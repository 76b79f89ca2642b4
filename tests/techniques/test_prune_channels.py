"""Channel pruning: which channels go, how many, and that every layer still fits the next."""

import copy
import time
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from edgekit.core.errors import ModelError, NothingToDo, SettingError
from edgekit.core.technique import Applied, Change, Fact
from edgekit.models.architectures.lenet5 import LeNet5
from edgekit.models.architectures.resnet import resnet8, resnet20
from edgekit.techniques._channels import accumulate_gradients
from edgekit.techniques.prune_channels import PruneChannels
from tests.techniques.benches import a_bench

IMAGE, GREY = (3, 32, 32), (1, 28, 28)


def apply(network: nn.Module, shape: tuple[int, ...], seed: int = 0, **settings) -> Applied:
    return PruneChannels(**settings).apply(copy.deepcopy(network), a_bench(shape, seed=seed))


def widths(applied: Applied) -> dict[str, str]:
    return {change.layer: change.what for change in applied.changes}


def chain(channels: int = 16) -> nn.Sequential:
    """Convolution "0" makes channels of growing size, "2" and "4" read them."""
    network = nn.Sequential(
        nn.Conv2d(3, channels, 3), nn.ReLU(), nn.Conv2d(channels, channels, 1), nn.Flatten(), nn.LazyLinear(10)
    )
    network(torch.zeros(1, 3, 8, 8))
    with torch.no_grad():
        for layer in (network[0], network[2]):
            layer.weight.fill_(1.0)
            layer.bias.zero_()
            layer.weight.mul_(torch.arange(1.0, channels + 1).view(-1, 1, 1, 1))
    return network


def test_lenet5_keeps_the_multiples_of_eight_nearest_to_half_but_not_8_of_20():
    assert widths(apply(LeNet5(), GREY, sparsity=0.5)) == {
        "conv1": "16 of 20 channels kept",
        "conv2": "24 of 50 channels kept",
        "fc1": "248 of 500 channels kept",
    }


def test_little_sparsity_leaves_a_layer_whole_where_that_is_nearer_than_the_next_multiple():
    assert widths(apply(LeNet5(), GREY, sparsity=0.05)) == {
        "conv2": "48 of 50 channels kept",
        "fc1": "472 of 500 channels kept",
    }


def test_of_two_multiples_equally_near_the_larger_is_kept():
    assert "stem" not in widths(apply(resnet8(), IMAGE, sparsity=0.25))  # 12 of 16: 8 and 16 are as near


def test_at_least_round_to_channels_stay():
    changes = apply(resnet8(), IMAGE, sparsity=0.95).changes
    assert {change.what.split(" ")[0] for change in changes} == {"8"}


def test_without_rounding_the_share_is_exact():
    applied = apply(resnet8(), IMAGE, sparsity=0.25, round_to=1)
    assert set(widths(applied).values()) == {
        "12 of 16 channels kept",
        "24 of 32 channels kept",
        "48 of 64 channels kept",
    }


@pytest.mark.parametrize(("build", "coupled"), [(resnet8, 2), (resnet20, 4)])
def test_layers_whose_outputs_are_added_keep_the_same_channels(build, coupled: int):
    network = build()
    with torch.no_grad():
        network.stem.weight[:8] *= 100  # these must stay in every layer of the group
    applied = apply(network, IMAGE, sparsity=0.5)
    stream = ["stem", *(f"stage1.{block}.conv2" for block in range(coupled - 1))]
    assert {widths(applied)[name] for name in stream} == {"8 of 16 channels kept"}
    assert torch.equal(applied.result.stem.weight, network.stem.weight[:8])
    assert torch.equal(applied.result.bn.weight, network.bn.weight[:8])
    assert applied.result(torch.zeros(2, *IMAGE)).shape == (2, 10)


def test_without_what_several_layers_share_blocks_get_narrower_inside_only():
    found = widths(apply(resnet20(), IMAGE, sparsity=0.5, shared=False))
    assert set(found) == {f"stage{stage}.{block}.conv1" for stage in (1, 2, 3) for block in range(3)}


def test_the_output_layer_keeps_its_outputs():
    for network, shape, last in ((LeNet5(), GREY, "fc2"), (resnet8(), IMAGE, "fc")):
        applied = apply(network, shape, sparsity=0.9)
        assert last not in widths(applied)
        assert getattr(applied.result, last).out_features == 10


def test_batch_normalisation_loses_the_same_channels():
    network = resnet8()
    with torch.no_grad():
        network.stage1[0].bn1.running_mean.copy_(torch.arange(16.0))
        network.stage1[0].conv1.weight[::2] *= 100
    block = apply(network, IMAGE, sparsity=0.5, recalibrate=False).result.stage1[0]
    assert block.bn1.running_mean.tolist() == list(range(0, 16, 2))
    assert block.bn1.num_features == block.conv1.out_channels == block.conv2.in_channels == 8


def test_removing_channels_that_are_zero_changes_no_answer():
    network, inputs = LeNet5().eval(), torch.randn(4, *GREY)
    with torch.no_grad():
        for layer, kept in ((network.conv1, 8), (network.conv2, 24), (network.fc1, 248)):
            layer.weight[kept:] = 0
            layer.bias[kept:] = 0
        wanted = network(inputs)
        got = apply(network, GREY, sparsity=0.5).result(inputs)
    assert torch.allclose(got, wanted, atol=1e-5)


@pytest.mark.parametrize("importance", ["magnitude_l2", "magnitude_l1", "lamp"])
def test_magnitudes_remove_the_smallest_channels(importance: str):
    applied = apply(chain(), (3, 8, 8), sparsity=0.5, importance=importance)
    assert applied.result[0].weight[:, 0, 0, 0].tolist() == list(range(9, 17))


def test_bn_scale_looks_at_nothing_but_the_scale():
    network = resnet8()
    with torch.no_grad():
        network.stage1[0].bn1.weight.copy_(torch.arange(16.0))
        network.stage1[0].conv1.weight[:8] *= 100
    block = apply(network, IMAGE, sparsity=0.5, importance="bn_scale").result.stage1[0]
    assert block.bn1.weight.tolist() == list(range(8, 16))


def test_taylor_keeps_the_channels_that_the_answers_hang_on():
    network = chain()
    with torch.no_grad():
        network[2].weight[:, :8] *= 1e-6  # nobody listens to the first eight channels of "0" …
        network[0].weight[:8] *= 10  # … although they are the loudest
    applied = apply(network, (3, 8, 8), sparsity=0.5, importance="taylor", skip=["2"])
    assert applied.result[0].weight[:, 0, 0, 0].tolist() == list(range(9, 17))
    assert all(parameter.grad is None for parameter in applied.result.parameters())


def test_hessian_sees_what_cancels_out_on_average():
    """Half of the samples want the first eight channels larger and half smaller: no gradient, but much curvature."""
    network = nn.Sequential(nn.Linear(2, 16, bias=False), nn.Linear(16, 2, bias=False))
    with torch.no_grad():
        network[0].weight.zero_()
        network[0].weight[:8, 0] = 1.0  # sees a one in every sample
        network[0].weight[8:, 1] = 1.0  # sees a small number, whose sign is the label
        network[1].weight.copy_(torch.tensor([[1e-3], [-1e-3]]).expand(2, 16))
    inputs = torch.tensor([[1.0, 0.1], [1.0, -0.1]]).repeat(32, 1)
    labels = torch.tensor([0, 1]).repeat(32)
    bench = replace(a_bench((2,)), training=lambda size, epoch: [(inputs, labels)])
    kept = {
        importance: PruneChannels(importance=importance).apply(copy.deepcopy(network), bench).result[0].weight[:, 0]
        for importance in ("hessian", "taylor")
    }
    assert kept["hessian"].tolist() == [1.0] * 8
    assert kept["taylor"].tolist() == [0.0] * 8


def test_hessian_is_the_mean_square_of_each_samples_own_gradient():
    network, bench = nn.Sequential(nn.Flatten(), nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 10)), a_bench((3, 2, 2))
    accumulate_gradients(network, bench, 48, "hessian")
    inputs, labels = next(iter(bench.training(48, 0)))
    weight, bias = (parameter.detach().double() for parameter in network[1].parameters())
    outer, last = (parameter.detach().double() for parameter in network[3].parameters())
    hidden = (inputs.flatten(1).double() @ weight.T + bias).relu()  # (48, 16)
    wrong = (hidden @ outer.T + last).softmax(1) - nn.functional.one_hot(labels, 10)  # (48, 10), dloss / dlogits
    wanted = (wrong[:, :, None] * hidden[:, None, :]).square().mean(0)  # (10, 16)
    assert torch.allclose(network[3].weight.grad.double(), wanted, rtol=1e-4)


def test_fpgm_removes_what_lies_nearest_to_all_others():
    network = chain(8)
    with torch.no_grad():
        network[0].weight.normal_(generator=torch.Generator().manual_seed(0))
        network[2].weight.fill_(1.0)  # says nothing
        network[0].weight[2:6] = network[0].weight.mean(0)  # the middle of them all
    applied = apply(network, (3, 8, 8), sparsity=0.5, importance="fpgm", round_to=1, skip=["2"])
    assert torch.equal(applied.result[0].weight, network[0].weight[[0, 1, 6, 7]])


def test_random_depends_on_the_seed_alone():
    kept = [apply(chain(), (3, 8, 8), seed, importance="random").result[0].weight for seed in (0, 0, 1)]
    assert torch.equal(kept[0], kept[1])
    assert not torch.equal(kept[0], kept[2])


def test_globally_the_least_important_channels_of_all_layers_go():
    network = chain()
    with torch.no_grad():
        network[2].weight.fill_(1.0)  # all channels of "2" alike: none of them is the least
    applied = apply(network, (3, 8, 8), sparsity=0.25, scope="global", round_to=1)
    assert widths(applied) == {"0": "8 of 16 channels kept"}


def test_channels_that_several_layers_share_count_in_each():
    applied = apply(resnet20(), IMAGE, sparsity=0.3, scope="global", round_to=1)
    all_of_them = 16 * 7 + 32 * 7 + 64 * 7
    kept = all_of_them - sum(int(c.what.split(" ")[2]) - int(c.what.split(" ")[0]) for c in applied.changes)
    assert kept / all_of_them == pytest.approx(0.7, abs=0.01)


def test_a_layer_may_have_a_sparsity_of_its_own():
    applied = apply(LeNet5(), GREY, sparsity=0.5, layers={"conv*": {"sparsity": 0.2}})
    assert widths(applied) == {
        "conv1": "16 of 20 channels kept",
        "conv2": "40 of 50 channels kept",
        "fc1": "248 of 500 channels kept",
    }


def test_layers_that_must_agree_take_the_most_careful_setting():
    applied = apply(resnet8(), IMAGE, sparsity=0.5, layers={"stage3.0.shortcut": {"sparsity": 0.25}})
    assert widths(applied)["stage3.0.conv2"] == widths(applied)["stage3.0.shortcut"] == "48 of 64 channels kept"
    assert widths(applied)["stage3.0.conv1"] == "32 of 64 channels kept"


def test_skipping_a_layer_leaves_those_alone_that_must_agree_with_it():
    assert set(widths(apply(resnet8(), IMAGE, skip=["stem", "stage[23]*"]))) == {"stage1.0.conv1"}


def test_depthwise_convolutions_follow_their_inputs():
    network = nn.Sequential(
        nn.Conv2d(3, 16, 1), nn.Conv2d(16, 16, 3, groups=16), nn.Conv2d(16, 8, 1), nn.Flatten(), nn.LazyLinear(10)
    )
    network(torch.zeros(1, 3, 8, 8))
    for shared in (True, False):
        pruned = apply(network, (3, 8, 8), sparsity=0.5, shared=shared).result
        assert (pruned[0].out_channels, pruned[1].groups, pruned[2].in_channels) == (8, 8, 8)


def test_grouped_convolutions_are_left_whole():
    network = nn.Sequential(
        nn.Conv2d(3, 16, 1), nn.Conv2d(16, 16, 3, groups=4), nn.Conv2d(16, 16, 1), nn.Flatten(), nn.LazyLinear(10)
    )
    network(torch.zeros(1, 3, 8, 8))
    assert set(widths(apply(network, (3, 8, 8), sparsity=0.5))) == {"2"}


def test_nothing_to_do_says_why():
    with pytest.raises(NothingToDo) as said:
        apply(resnet8(), IMAGE, sparsity=0.05)
    assert str(said.value) == (
        "Channel pruning keeps every channel at sparsity 0.05 in multiples of 8. "
        "Raise sparsity, lower round_to, skip fewer layers, or remove the step."
    )


class AddsToItsInput(nn.Module):
    """The output of "conv" is added to the image itself, whose channels nobody can remove."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(16, 16, 1)
        self.fc = nn.Linear(16, 10)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc((images + self.conv(images)).mean((2, 3)))


def test_a_network_whose_channels_cannot_be_followed_is_refused():
    with pytest.raises(ModelError) as refused:
        apply(AddsToItsInput(), (16, 8, 8), sparsity=0.5)
    assert str(refused.value) == (
        "channel pruning cannot follow how the channels of AddsToItsInput are tied together. "
        "Skip the layers whose output is added to the network's input, or prune weights instead."
    )


@pytest.mark.parametrize(
    ("settings", "extra"),
    [
        ({}, set()),
        ({"importance": "bn_scale"}, {Fact.BATCH_NORM}),
        ({"importance": "taylor"}, {Fact.TRAINING_DATA}),
        ({"importance": "hessian"}, {Fact.TRAINING_DATA}),
        ({"epochs": 1}, {Fact.TRAINING_DATA}),
        ({"sparse_epochs": 1}, {Fact.TRAINING_DATA}),
        ({"accuracy_drop_limit": 5.0}, {Fact.TRAINING_DATA}),
        ({"layers": {"conv*": {"importance": "taylor"}}}, {Fact.TRAINING_DATA}),
    ],
)
def test_it_needs_what_it_looks_at(settings: dict, extra: set[Fact]):
    assert PruneChannels(**settings).needs == {Fact.FLOAT_WEIGHTS} | extra


def test_it_trains_where_it_is_given_epochs():
    assert [PruneChannels(**one).trains for one in ({}, {"epochs": 1}, {"sparse_epochs": 1}, {"rounds": 3})] == [
        False, True, True, False,
    ]  # fmt: skip


def test_what_the_whole_network_shares_cannot_be_set_for_a_layer():
    with pytest.raises(SettingError) as refused:
        PruneChannels.make({"layers": {"conv*": {"rounds": 2, "target": "macs", "sparsity": 0.2}}})
    assert str(refused.value) == (
        "Channel pruning: layers['conv*'] cannot hold rounds, target, which the whole network shares; "
        "a layer may have its own sparsity, importance, scope, round_to, samples"
    )


def test_frozen_parameters_do_not_keep_it_from_following_the_network():
    network = resnet8().requires_grad_(False)
    assert Change("stage1.0.conv1", "8 of 16 channels kept") in apply(network, IMAGE).changes


def test_it_is_quick_enough_for_a_slider():
    network, bench = resnet8(), a_bench(IMAGE)
    seconds = []
    for _ in range(5):
        private = copy.deepcopy(network)
        started = time.thread_time()  # of the processor, so that what else it does makes no difference
        PruneChannels().apply(private, bench)
        seconds.append(time.thread_time() - started)
    assert min(seconds) < 0.1
