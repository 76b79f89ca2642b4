"""Pruning single weights against hand-worked ones; scores, patterns and the schedule against their definitions."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgekit.core.bench import Bench
from edgekit.core.errors import NothingToDo, SettingError
from edgekit.core.technique import Change, Fact
from edgekit.models.architectures.lenet5 import LeNet5
from edgekit.techniques._once import forget
from edgekit.techniques._weight_scores import by_gradients, by_inputs
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
    assert [change.layer for change in applied.changes] == ["conv1", "conv2", "fc1", "fc2"]
    assert applied.changes[0].what == "left alone: 1 inputs do not divide into 2:4"
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


def test_what_the_whole_network_shares_is_refused_for_single_layers():
    with pytest.raises(SettingError) as refused:
        PruneWeights.make({"layers": {"conv1": {"score": "wanda", "rounds": 3}}})
    assert str(refused.value) == (
        "Magnitude pruning: layers['conv1'] cannot hold rounds, score, which the whole network shares; "
        "a layer may have its own sparsity, scope, pattern"
    )


# Scores


def seeing(inputs: list | np.ndarray, labels: list[int] | None = None) -> Bench:
    """A bench with these samples for calibration, and one batch a sample for training."""
    array = np.asarray(inputs, np.float32)

    def training(batch_size: int, epoch: int):
        for one, label in zip(torch.from_numpy(array), labels, strict=True):
            yield one[None], torch.tensor([label])

    return dataclasses.replace(a_bench(array.shape[1:]), calibration=lambda n: array[:n], training=training)


def test_wanda_multiplies_each_weight_by_the_norm_of_its_input():
    bench = seeing([[3, 0.1], [4, 0]])  # norms 5 and 0.1
    scores = by_inputs(linear([[1.0, -20.0], [2.0, 60.0]]), bench, 2)
    assert scores["0"].tolist() == [pytest.approx([5, 2]), pytest.approx([10, 6])]


def test_wanda_compares_a_matrix_by_output_and_weighs_inputs_where_magnitude_does_not():
    network, bench = linear([[1.0, -20.0], [200.0, 600.0]]), seeing([[3, 0.1], [4, 0]])
    wanda = PruneWeights(score="wanda").apply(copy.deepcopy(network), bench).result
    assert wanda[0].weight.tolist() == [[1, 0], [200, 0]]
    assert pruned(network)[0].weight.tolist() == [[0, 0], [200, 600]]


def test_wanda_compares_a_convolution_as_a_whole():
    layer = nn.Conv2d(1, 2, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([1.0, 3.0]).view(2, 1, 1, 1))
    after = PruneWeights(score="wanda").apply(nn.Sequential(layer), seeing(np.ones((1, 1, 2, 2)))).result[0].weight
    assert after.flatten().tolist() == [0, 3]


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 6, 3, stride=2, padding=1),
        nn.Conv2d(4, 8, (3, 2), dilation=2, groups=2),
        nn.Conv2d(4, 4, 3, groups=4),
    ],
)
def test_a_kernels_weight_meets_what_lies_under_it_at_every_place(layer: nn.Conv2d):
    inputs = np.random.default_rng(0).normal(size=(5, 4, 9, 9)).astype(np.float32)
    under = nn.functional.unfold(
        torch.from_numpy(inputs), layer.kernel_size, layer.dilation, layer.padding, layer.stride
    )  # (n, in · kh · kw, places)
    norms = under.square().sum((0, 2)).sqrt().view(layer.groups, 1, *layer.weight.shape[1:])
    sizes = layer.weight.detach().abs().view(layer.groups, -1, *layer.weight.shape[1:])
    scores = by_inputs(nn.Sequential(layer), seeing(inputs), 5)["0"]
    assert torch.allclose(scores, (sizes * norms).view(layer.weight.shape), rtol=1e-4)


def test_taylor_is_the_weight_times_the_gradient_of_the_loss():
    network, bench = linear([[1.0, 1.0], [1.0, 1.0]]), seeing([[1, 2]], [0])
    # Both logits are 3, so the softmax is (½, ½), and the loss falls by ½ per unit of the first logit.
    assert by_gradients(network, bench, 32)["0"].tolist() == [[0.5, 1], [0.5, 1]]
    after = PruneWeights(score="taylor").apply(network, bench).result
    assert after[0].weight.tolist() == [[0, 1], [0, 1]]


def test_gradients_of_samples_that_pull_in_opposite_directions_do_not_cancel():
    network, bench = linear([[1.0, 1.0], [1.0, 1.0]]), seeing([[1, 2], [1, 2]], [0, 1])
    assert by_gradients(network, dataclasses.replace(bench, training_size=2), 64)["0"].tolist() == [[0.5, 1], [0.5, 1]]


def test_a_layer_that_no_sample_reaches_is_left_alone():
    class Idle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.idle = linear([[1.0, 2.0]])[0], linear([[1.0, 2.0]])[0]

        def forward(self, inputs: Tensor) -> Tensor:
            return self.used(inputs)

    applied = PruneWeights(score="wanda").apply(Idle(), seeing([[1, 1]]))
    assert applied.changes == [
        Change("used", "1 of 2 weights are zero"),
        Change("idle", "left alone: no sample reached it, so wanda cannot tell its weights apart"),
    ]


@pytest.mark.parametrize("score", ["magnitude", "wanda", "taylor"])
@pytest.mark.parametrize(("pattern", "kept", "of"), [("2:4", 2, 4), ("4:8", 4, 8)])
def test_every_score_keeps_the_pattern(score: str, pattern: str, kept: int, of: int):
    network = nn.Sequential(nn.Conv2d(8, 16, 3), nn.ReLU(), nn.Conv2d(16, 10, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    after = PruneWeights(score=score, pattern=pattern, samples=32).apply(network, a_bench((8, 8, 8))).result
    for layer in (after[0], after[2]):
        assert ((layer.weight.movedim(1, -1).reshape(-1, of) != 0).sum(1) == kept).all()


def test_what_a_step_needs_depends_on_its_score_and_on_training():
    assert PruneWeights().needs == {Fact.FLOAT_WEIGHTS}
    assert PruneWeights(score="wanda").needs == {Fact.FLOAT_WEIGHTS, Fact.CALIBRATION_DATA}
    assert PruneWeights(score="taylor").needs == {Fact.FLOAT_WEIGHTS, Fact.TRAINING_DATA}
    assert PruneWeights(epochs=1).needs == {Fact.FLOAT_WEIGHTS, Fact.TRAINING_DATA}
    assert [PruneWeights(epochs=epochs).trains for epochs in (0, 1)] == [False, True]


# Kernels


def test_the_kernels_of_least_norm_go_whole():
    layer = nn.Conv2d(2, 2, 2, bias=False)
    kernels = [[[3.0, 4], [0, 0]], [[3, 3], [3, 3]], [[1, 1], [1, 1]], [[0, 0], [0, 7]]]  # norms 5, 6, 2 and 7
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(kernels).view(2, 2, 2, 2))
    applied = PruneWeights(pattern="kernel", sparsity=0.5).apply(nn.Sequential(layer), a_bench((2, 4, 4)))
    assert applied.result[0].weight.tolist() == [[[[0, 0], [0, 0]], kernels[1]], [[[0, 0], [0, 0]], kernels[3]]]
    assert applied.changes == [Change("0", "11 of 16 weights are zero")]


def test_kernels_of_different_sizes_compare_by_their_norm_per_weight():
    wide, narrow = nn.Conv2d(1, 1, 3, bias=False), nn.Conv2d(1, 1, 1, bias=False)
    with torch.no_grad():
        wide.weight.fill_(1.0)  # norm 3, but 1 a weight
        narrow.weight.fill_(2.0)
    after = pruned(nn.Sequential(wide, narrow), (1, 4, 4), pattern="kernel")
    assert [int((layer.weight != 0).sum()) for layer in after] == [0, 1]


def test_matrix_products_have_no_kernels_and_are_left_alone():
    applied = PruneWeights(pattern="kernel").apply(LeNet5(), a_bench((1, 28, 28)))
    assert [change.what for change in applied.changes[-2:]] == ["left alone: a matrix product has no kernels"] * 2
    assert (applied.result.fc1.weight != 0).all()


# Rounds


def test_the_share_of_zeros_climbs_with_a_cubic_and_every_epoch_says_where_it_is():
    told = []
    bench = dataclasses.replace(a_bench((10,)), on_epoch=told.append)
    applied = PruneWeights(sparsity=0.8, rounds=2, epochs=2).apply(linear(torch.randn(10, 10).tolist()), bench)
    # 0.8 · (1 − (1 − 1/2)³) = 0.7
    assert [(p["epoch"], p["round"], p["sparsity"]) for p in applied.curve] == [
        (1, 1, 0.7), (2, 1, 0.7), (3, 2, 0.8), (4, 2, 0.8)
    ]  # fmt: skip
    assert told == applied.curve
    assert applied.changes == [Change("0", "80 of 100 weights are zero")]


@pytest.mark.parametrize("pattern", ["none", "kernel", "4:8"])
@pytest.mark.parametrize("score", ["magnitude", "wanda", "taylor"])
def test_masks_only_grow_while_the_rest_is_trained(score: str, pattern: str):
    seen: list[Tensor] = []

    def score_of(network: nn.Module) -> float:
        seen.append(network[0].weight.detach() == 0)
        return 0.5

    network = nn.Sequential(nn.Conv2d(8, 10, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    bench = dataclasses.replace(a_bench((8, 6, 6)), score=score_of)
    step = PruneWeights(score=score, pattern=pattern, rounds=3, epochs=2, learning_rate=0.1, samples=32)
    before = network[0].weight.detach().clone()
    after = step.apply(network, bench).result[0].weight
    counts = [int(zero.sum()) for zero in seen]
    assert all((later | ~earlier).all() for earlier, later in zip(seen, seen[1:], strict=False))
    assert counts == sorted(counts)
    assert counts[0] < counts[-1] == 0.5 * after.numel() == int((after == 0).sum())
    assert not torch.equal(after[after != 0], before[after != 0])


@pytest.mark.parametrize("score", ["magnitude", "wanda", "taylor"])
def test_training_in_rounds_climbs_to_one_repeats_itself_and_leaves_a_network_ready_to_use(score: str):
    told: list[float] = []
    bench = dataclasses.replace(a_bench((8,)), progress=lambda fraction, what: told.append(fraction))
    network, weights = linear(torch.randn(10, 8, generator=torch.Generator().manual_seed(0)).tolist()), []
    for _ in range(2):
        forget()
        after = PruneWeights(score=score, rounds=3, epochs=1, samples=32).apply(copy.deepcopy(network), bench).result
        assert not after.training
        assert not after[0]._forward_pre_hooks
        weights.append(after[0].weight.tolist())
    assert weights[0] == weights[1]
    first = told[: len(told) // 2]
    assert first == sorted(first) == told[len(told) // 2 :]
    assert first[0] < 1
    assert first[-1] == 1


def test_rounds_without_training_zero_the_same_weights_by_magnitude_as_one():
    network = LeNet5()
    many, one = (pruned(network, (1, 28, 28), sparsity=0.7, rounds=rounds) for rounds in (7, 1))
    assert all(torch.equal(many.state_dict()[name], weight) for name, weight in one.state_dict().items())


def test_nothing_is_trained_where_nothing_is_zeroed():
    told = []
    bench = dataclasses.replace(a_bench((2,)), on_epoch=told.append)
    with pytest.raises(NothingToDo, match="found no weight to zero at sparsity 0 "):
        PruneWeights(sparsity=0.0, rounds=2, epochs=1).apply(two_layers(), bench)
    assert told == []
