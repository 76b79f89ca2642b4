"""Mean and variance of batch normalisation, measured again: compared with those worked out directly."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from edgekit.techniques._recalibrate import BATCH, recalibrate
from tests.techniques.benches import a_bench

SHAPE = (3, 6, 6)


def network() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 1), nn.BatchNorm2d(5), nn.Dropout(0.5)
        ).eval()


@torch.no_grad()
def test_statistics_are_those_of_what_each_layer_is_given():
    one, bench = network(), a_bench(SHAPE)
    recalibrate(one, bench)
    first = one[0](torch.from_numpy(bench.calibration(64)))  # (64, 4, 4, 4)
    assert torch.allclose(one[1].running_mean, first.mean((0, 2, 3)), atol=1e-6)
    assert torch.allclose(one[1].running_var, first.transpose(0, 1).flatten(1).var(1), atol=1e-6)
    centred = first - first.mean((0, 2, 3), keepdim=True)
    normalised = centred / (first.var((0, 2, 3), unbiased=False, keepdim=True) + one[1].eps).sqrt()
    second = one[3](normalised.relu())  # (64, 5, 4, 4)
    assert torch.allclose(one[4].running_mean, second.mean((0, 2, 3)), atol=1e-6)
    assert torch.allclose(one[4].running_var, second.transpose(0, 1).flatten(1).var(1), atol=1e-6)


@torch.no_grad()
def test_several_batches_count_alike():
    one, bench = network(), a_bench(SHAPE, samples=3 * BATCH)
    recalibrate(one, bench)
    batches = [one[0](part) for part in torch.from_numpy(bench.calibration(512)).split(BATCH)]
    means = torch.stack([part.mean((0, 2, 3)) for part in batches])
    variances = torch.stack([part.var((0, 2, 3)) for part in batches])
    assert torch.allclose(one[1].running_mean, means.mean(0), atol=1e-6)
    assert torch.allclose(one[1].running_var, variances.mean(0), atol=1e-6)


def test_nothing_else_changes_and_the_same_comes_out_each_time():
    before, one, other = network().state_dict(), network(), network()
    one[1].momentum = 0.3
    for each in (one, other, other):
        recalibrate(each, a_bench(SHAPE))
        assert not any(module.training for module in each.modules())
    changed = {name for name, tensor in one.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {
        f"{layer}.{what}" for layer in (1, 4) for what in ("running_mean", "running_var", "num_batches_tracked")
    }
    assert all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in one.state_dict().items())
    assert one[1].momentum == 0.3


@pytest.mark.parametrize("samples", [0, 1])
def test_without_samples_the_statistics_stay(samples: int):
    one, before = network(), network().state_dict()
    recalibrate(one, replace(a_bench(SHAPE), calibration=lambda n: np.zeros((samples, *SHAPE), np.float32)))
    assert all(torch.equal(tensor, before[name]) for name, tensor in one.state_dict().items())


def test_a_network_without_batch_normalisation_needs_no_samples():
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.InstanceNorm2d(4))
    recalibrate(plain, replace(a_bench(SHAPE), calibration=None))
    assert not plain.training
