"""Channel pruning in rounds, to a floor, by cost, with training between: what it reaches and what it tells."""

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from edgekit.core.bench import Bench
from edgekit.core.errors import ModelError, NothingToDo
from edgekit.core.technique import Applied
from edgekit.models.architectures.resnet import resnet8
from edgekit.techniques.prune_channels import PruneChannels
from tests.techniques.benches import a_bench

SHAPE, IMAGE = (3, 8, 8), (3, 32, 32)


def network(channels: int = 64) -> nn.Sequential:
    """6 × 6 × 27 n multiply-accumulates in "0", 6 × 6 × n² in "3", and 360 n in "5", all of `channels` n at first."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, channels, 3),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 1),
            nn.Flatten(),
            nn.Linear(36 * channels, 10),
        ).eval()


def macs(first: int, second: int) -> int:
    return 36 * 27 * first + 36 * first * second + 360 * second


def apply(bench: Bench | None = None, channels: int = 64, **settings) -> Applied:
    settings = {"round_to": 1, "batch_size": 16} | settings
    return PruneChannels(**settings).apply(network(channels), bench or a_bench(SHAPE))


def widths(applied: Applied) -> tuple[int, int]:
    return applied.result[0].out_channels, applied.result[3].out_channels


def by_width(accuracy: dict[int, float]) -> Callable[[nn.Module], float]:
    """A score that depends on nothing but how wide the first layer is."""
    return lambda candidate: accuracy[candidate[0].out_channels]


@pytest.mark.parametrize("round_to", [1, 4, 8])
def test_half_of_the_multiply_accumulates_go_to_within_a_multiple(round_to: int):
    applied = apply(target="macs", sparsity=0.5, round_to=round_to)
    first, second = widths(applied)
    assert first % round_to == second % round_to == 0
    assert macs(first, second) <= 0.5 * macs(64, 64) < macs(first + round_to, second + round_to)
    left = macs(first, second) / macs(64, 64)
    assert applied.changes[0].what == (
        f"{first} of 64 channels kept; {left:.1%} of the network's multiply-accumulates left"
    )
    assert applied.changes[1].what == f"{second} of 64 channels kept"


def test_half_of_the_parameters_go():
    applied, bench = apply(target="parameters", sparsity=0.5), a_bench(SHAPE)
    left = bench.cost_of(applied.result)["params"] / bench.cost_of(network())["params"]
    assert 0.48 < left <= 0.5
    assert f"; {left:.1%} of the network's parameters left" in applied.changes[0].what


def test_latency_is_what_the_clock_says():
    clock = replace(a_bench(SHAPE), latency_of=lambda candidate: 1.0 + candidate[0].out_channels / 64)
    applied = apply(clock, target="latency", sparsity=0.25)
    assert widths(applied)[0] == 32  # 1.5 of 2 milliseconds
    assert applied.changes[0].what == "32 of 64 channels kept; 75.0% of the network's latency left"


def test_what_cannot_be_reached_says_how_far_it_came():
    clock = replace(a_bench(SHAPE), latency_of=lambda candidate: 1.0 + candidate[0].out_channels / 64)
    applied = apply(clock, target="latency", sparsity=0.9, round_to=8)
    assert applied.changes[0].what == "8 of 64 channels kept; 56.2% of the network's latency left"


def test_without_known_sizes_there_are_no_multiply_accumulates_to_aim_at():
    with pytest.raises(ModelError) as refused:
        apply(replace(a_bench(SHAPE), cost_of=lambda candidate: {"params": 1.0}), target="macs")
    assert str(refused.value) == (
        "channel pruning cannot count the multiply-accumulates of this network, as the sizes of some tensors are "
        "not known beforehand. Set target to parameters or latency."
    )


def test_nothing_to_do_names_the_target():
    with pytest.raises(NothingToDo) as said:
        apply(target="macs", sparsity=0.0)
    assert str(said.value) == (
        "Channel pruning keeps every channel at sparsity 0 of the multiply-accumulates in multiples of 1. "
        "Raise sparsity, lower round_to, skip fewer layers, or remove the step."
    )


def test_every_round_leaves_the_same_share_and_is_in_the_curve():
    told = []
    applied = apply(replace(a_bench(SHAPE), on_epoch=told.append), sparsity=0.75, rounds=2, epochs=2)
    assert [(point["round"], point["epoch"], point["sparsity"]) for point in applied.curve] == [
        (1, 1, 0.5), (1, 2, 0.5), (2, 3, 0.75), (2, 4, 0.75),
    ]  # fmt: skip
    assert widths(applied) == (16, 16)
    assert told == applied.curve
    assert applied.curve[-1]["validation_accuracy"] == a_bench(SHAPE).score(applied.result)


def test_rounds_without_training_come_as_far():
    assert widths(apply(sparsity=0.75, rounds=3)) == widths(apply(sparsity=0.75)) == (16, 16)


def test_rounds_towards_a_cost_share_the_way():
    curve = apply(target="macs", sparsity=0.75, rounds=2, epochs=1).curve
    assert [point["sparsity"] for point in curve] == pytest.approx([0.5, 0.75], abs=0.02)


def test_a_round_in_which_rounding_leaves_everything_is_not_trained():
    curve = apply(channels=16, sparsity=0.5, rounds=4, epochs=1, round_to=8).curve
    assert [(point["round"], point["sparsity"]) for point in curve] == [(4, 0.5)]


def test_the_last_network_that_held_the_floor_comes_back_and_the_curve_has_all_rounds():
    scores = by_width({64: 0.9, 32: 0.885, 16: 0.87, 8: 0.5})
    bench = replace(a_bench(SHAPE), score=scores)
    applied = apply(bench, sparsity=0.875, rounds=3, epochs=1, accuracy_drop_limit=2.0)
    assert widths(applied) == (32, 32)
    assert [(point["round"], point["validation_accuracy"]) for point in applied.curve] == [(1, 0.885), (2, 0.87)]
    assert applied.changes[0].what == (
        "32 of 64 channels kept; stopped, as round 2 of 3 would have lost 3.0 points of accuracy"
    )
    untrained = apply(bench, sparsity=0.875, rounds=3, accuracy_drop_limit=3.0)  # what round 2 loses
    assert widths(untrained) == (16, 16)
    assert untrained.curve == []


def test_the_floor_is_measured_from_the_original_network_where_there_is_one():
    bench = replace(a_bench(SHAPE), score=by_width({96: 0.95, 64: 0.9, 32: 0.885}), teacher=network(96))
    with pytest.raises(NothingToDo) as said:
        apply(bench, sparsity=0.5, accuracy_drop_limit=2.0)
    assert str(said.value) == (
        "Channel pruning keeps every channel: round 1 of 1 would have lost 6.5 points of validation accuracy, and "
        "accuracy_drop_limit is 2. Raise it, lower sparsity, train for more epochs, or remove the step."
    )


def test_sparse_epochs_come_before_the_first_round_and_change_what_is_kept():
    applied = apply(sparsity=0.5, sparse_epochs=2, epochs=1)
    assert [(point["round"], point["epoch"], point["sparsity"]) for point in applied.curve] == [
        (0, 1, 0.0), (0, 2, 0.0), (1, 3, 0.5),
    ]  # fmt: skip
    assert widths(applied) == (32, 32)


def test_progress_climbs_to_one_through_all_rounds():
    told = []
    bench = replace(a_bench(SHAPE), progress=lambda fraction, what: told.append(fraction))
    apply(bench, target="macs", rounds=2, epochs=1, sparse_epochs=1, importance="hessian")
    assert told == sorted(told)
    assert told[0] < 1 == told[-1]


def test_the_same_seed_gives_the_same_weights():
    settings = {"sparsity": 0.5, "rounds": 2, "epochs": 1, "sparse_epochs": 1}
    one, other = (apply(**settings).result.state_dict() for _ in range(2))
    assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_statistics_of_batch_normalisation_are_measured_again_unless_told_otherwise():
    one, bench = resnet8().eval(), a_bench(IMAGE)
    again, as_they_were = (
        PruneChannels(recalibrate=wanted).apply(copy.deepcopy(one), bench).result for wanted in (True, False)
    )
    with torch.no_grad():
        seen = again.stem(torch.from_numpy(bench.calibration(64)))
    assert torch.allclose(again.bn.running_mean, seen.mean((0, 2, 3)), atol=1e-5)
    assert as_they_were.bn.running_mean.tolist() == [0.0] * 8
    assert torch.equal(again.stem.weight, as_they_were.stem.weight)


def test_where_nothing_goes_nothing_is_measured_again():
    one = resnet8().eval()
    before = copy.deepcopy(one.state_dict())
    with pytest.raises(NothingToDo):
        PruneChannels(sparsity=0.0).apply(one, a_bench(IMAGE))
    assert all(torch.equal(tensor, before[name]) for name, tensor in one.state_dict().items())
