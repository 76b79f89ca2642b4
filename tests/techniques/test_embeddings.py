"""Techniques that train or look at gradients work for networks whose outputs are compared, too."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from edgekit.tasks import task
from edgekit.techniques.distill import Distill
from edgekit.techniques.fine_tune import FineTune
from edgekit.techniques.prune_channels import PruneChannels
from edgekit.techniques.prune_weights import PruneWeights
from tests.techniques.benches import a_bench

SHAPE = (3, 8, 8)


def network() -> nn.Module:
    """Pictures to embeddings of 8 numbers, the same each time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 16, 3), nn.BatchNorm2d(16),
            nn.ReLU(), nn.Flatten(), nn.Linear(16 * 36, 8),
        )  # fmt: skip


@pytest.fixture
def bench():
    """Its labels, four of them, are taken for people."""
    plain = a_bench(SHAPE, classes=4)
    return replace(plain, task=task("verification"), score=lambda network: 0.5, teacher=network().eval())


@pytest.mark.parametrize("soft", [0.0, 0.7])
def test_fine_tuning_brings_samples_of_a_class_together(bench, soft):
    found = FineTune(epochs=4, learning_rate=0.003, soft_labels=soft).apply(network(), bench)
    assert found.curve[-1]["loss"] < found.curve[0]["loss"]
    assert all(0 <= point["accuracy"] <= 1 for point in found.curve)


def test_a_student_learns_from_a_teachers_embeddings_without_labels(bench):
    student = network()
    with torch.no_grad():
        student[-1].weight.mul_(torch.tensor([1.0, -1.0] * 4)[:, None])  # turned round in four directions
    found = Distill(epochs=6, learning_rate=0.05, soft_labels=1.0).apply(student, bench)
    assert found.curve[-1]["loss"] < 0.8 * found.curve[0]["loss"]


@pytest.mark.parametrize("importance", ["taylor", "hessian"])
def test_channels_are_chosen_by_gradients_that_are_not_zero(bench, importance):
    found = PruneChannels(sparsity=0.5, importance=importance, round_to=1).apply(network(), bench)
    assert found.result[0].out_channels == 8
    assert any(parameter.grad is None or parameter.grad.abs().sum() > 0 for parameter in found.result.parameters())


def test_weights_are_chosen_by_the_gradients_of_the_tasks_loss(bench):
    found = PruneWeights(sparsity=0.5, score="taylor").apply(network(), bench)
    assert (found.result[3].weight == 0).float().mean() > 0.3
