"""The last layer is solved: what samples of one class differ in is made small, and the rest is kept."""

import numpy as np
import pytest
import torch
from torch import nn

from edgekit.models.whitening import RIDGE, whiten
from edgekit.tasks.verification import pairs


class Flat(nn.Module):
    """A body, and the layer that is solved."""

    def __init__(self, inputs: int, outputs: int, body: nn.Module | None = None):
        super().__init__()
        self.body = body or nn.Identity()
        self.fc = nn.Linear(inputs, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.body(x))


@pytest.fixture
def people():
    """Features (n, 12) and classes (n,) of some people: who they are lies in six numbers, noise in the other six."""
    generator = torch.Generator().manual_seed(0)

    def some(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        classes = torch.arange(count).repeat_interleave(8)
        kept, noise = torch.randn(count, 6, generator=generator), torch.randn(len(classes), 6, generator=generator)
        return torch.cat([kept[classes] + 0.1 * noise, 3 * noise], 1) + 5, classes

    return some


def test_people_nobody_saw_are_told_apart_by_what_matters(people):
    torch.manual_seed(0)
    network = Flat(12, 12).eval()
    (features, classes), (others, who) = people(20), people(10)
    whiten(network, [(features[:80], classes[:80]), (features[80:], classes[80:])])
    with torch.no_grad():
        solved = pairs(network(others).numpy(), who.numpy()).equal_error
    plain = pairs((others - features.mean(0)).numpy(), who.numpy()).equal_error
    assert solved < 0.6 * plain


def test_it_is_the_formula(people):
    features, classes = people(20)
    network = Flat(12, 12).eval()
    whiten(network, [(features, classes)])
    x = features.double().numpy()
    within = x - np.stack([x[classes == one].mean(0) for one in classes])
    covariance = within.T @ within / len(x)
    ridge = RIDGE * np.trace(covariance) / 12
    values, vectors = np.linalg.eigh(covariance + ridge * np.eye(12))
    wanted = (x - x.mean(0)) @ (vectors / np.sqrt(values)) @ vectors.T * np.sqrt(ridge)
    with torch.no_grad():
        found = network(features).double().numpy()
    assert np.allclose(found @ found.T, wanted @ wanted.T, atol=1e-4), "but for the projection, which only turns"


def test_the_network_before_it_stays_and_is_not_watched_any_more(people):
    network = Flat(8, 4, nn.Linear(12, 8)).eval()
    before = network.body.weight.clone()
    whiten(network, [people(5)])
    assert torch.equal(network.body.weight, before)
    assert not network.fc._forward_pre_hooks
