"""Fine-tuning learns, holds zeros, and stops when told to."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from edgekit.core.errors import Cancelled
from edgekit.techniques.fine_tune import FineTune
from edgekit.techniques.prune_weights import PruneWeights
from tests.techniques.benches import a_bench


def network() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4)).eval()


def bench(**changes):
    return replace(a_bench((16,), samples=256, classes=4), **changes)


def test_it_learns_and_tells_how_it_went_after_each_epoch():
    start = network()
    applied = FineTune(epochs=8, learning_rate=0.3, batch_size=32).apply(copy.deepcopy(start), bench())
    curve = applied.curve
    assert [point["epoch"] for point in curve] == list(range(1, 9))
    assert curve[-1]["loss"] < curve[0]["loss"]
    assert curve[-1]["validation_accuracy"] == bench().score(applied.result) > bench().score(start) + 0.2
    assert 0 <= curve[0]["accuracy"] <= 1
    assert not applied.result.training


def test_weights_that_are_zero_stay_zero_and_the_others_move():
    pruned = PruneWeights(sparsity=0.7).apply(network(), bench()).result
    before = {name: tensor.clone() for name, tensor in pruned.state_dict().items()}
    applied = FineTune(epochs=2, batch_size=32).apply(pruned, bench())
    after = applied.result.state_dict()
    for name in ("1.weight", "3.weight"):
        assert torch.equal(before[name] == 0, after[name] == 0)
        assert not torch.equal(before[name], after[name])
    zeros = int((before["1.weight"] == 0).sum())
    assert applied.changes[0].layer == "1"
    assert applied.changes[0].what.endswith(f"% of their norm, {zeros:,} zeros held")


def test_zeros_are_held_in_the_very_epochs_too():
    pruned = PruneWeights(sparsity=0.7).apply(network(), bench()).result
    zeros = []
    watched = bench(score=lambda candidate: zeros.append(int((candidate[1].weight == 0).sum())) or 0.0)
    FineTune(epochs=3, batch_size=32).apply(pruned, watched)
    assert len(zeros) == 3
    assert set(zeros) == {int((pruned[1].weight == 0).sum())}


def test_the_seed_decides_the_weights():
    results = [
        FineTune(epochs=1, batch_size=32).apply(network(), a_bench((16,), samples=64, classes=4, seed=seed)).result
        for seed in (0, 0, 1)
    ]
    assert torch.equal(results[0][1].weight, results[1][1].weight)
    assert not torch.equal(results[0][1].weight, results[2][1].weight)


def test_cancel_stops_it_between_two_batches():
    heard = []

    def cancel(fraction: float, what: str) -> None:
        heard.append(what)
        if len(heard) == 3:
            raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        FineTune(epochs=50, batch_size=32).apply(network(), bench(progress=cancel))
    assert heard == ["epoch 1 of 50"] * 3


def test_fewer_samples_than_a_batch_are_one_batch():
    few = a_bench((16,), samples=16, classes=4)
    whole = replace(few, training=lambda batch_size, epoch: few.training(16, epoch))
    told = []
    watched = replace(whole, progress=lambda fraction, what: told.append(fraction))
    FineTune(epochs=2, batch_size=128).apply(network(), watched)
    assert told == [0.5, 1.0, 1.0]


def test_frozen_parameters_learn_again():
    frozen = network().requires_grad_(False)
    before = frozen[1].weight.clone()
    trained = FineTune(epochs=1, batch_size=32).apply(frozen, bench()).result
    assert not torch.equal(before, trained[1].weight)
