"""A student is shown what its teacher sees: the task's pictures, mixtures of them, and pictures of other things."""

import numpy as np
import pytest
import torch
from torch import nn

from edgekit.core.preprocessing import Pixels
from edgekit.data.splits import load
from edgekit.models import samples
from edgekit.models.hints import OTHERS, features, shown, with_hints
from edgekit.models.plan import plan
from edgekit.models.remake import trained

GREY = Pixels(mean=(0.5,) * 3, std=(0.25,) * 3, size=(16, 16))
LABELS = torch.arange(8)


class Body(nn.Module):
    """Sixteen numbers to eight, and a last layer."""

    def __init__(self):
        super().__init__()
        self.body, self.fc = nn.Linear(16, 8), nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.body(x))


@pytest.fixture
def faces():
    """Batches of eight grey pictures, (8, 3, 16, 16), the same in every epoch."""
    pictures = torch.randn(8, 1, 16, 16, generator=torch.Generator().manual_seed(0)).expand(-1, 3, -1, -1)
    return lambda epoch: iter([(pictures, LABELS)])


@pytest.fixture(scope="module")
def others():
    return load("cifar10").training.take(64)


def some(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 16, generator=torch.Generator().manual_seed(seed))


def test_what_the_last_layer_reads_is_told_and_the_network_is_not_watched_any_more():
    network = Body()
    assert torch.equal(features(network, some(5)), network.body(some(5)))
    assert not network.fc._forward_pre_hooks


def test_a_student_that_sees_what_its_teacher_sees_has_nothing_left_to_lose():
    teacher, student, inputs = Body().eval(), Body(), some(200)
    loss = with_hints(teacher, lambda epoch: iter([(inputs[:120], None), (inputs[120:], None)]))
    known = features(teacher, inputs).detach()
    scale = known.std(0) + known.std(0).mean() / 10
    with torch.no_grad():
        student.body.weight.copy_(teacher.body.weight / scale[:, None])
        student.body.bias.copy_((teacher.body.bias - known.mean(0)) / scale)
    alike, outputs = loss(student, some(12, seed=1), LABELS)
    assert float(alike.detach()) < 1e-10
    assert torch.equal(outputs, student(some(12, seed=1))[:8]), "the outputs of those that have labels"


def test_the_loss_is_the_formula_and_leaves_the_teacher_alone():
    teacher, student, inputs = Body().eval(), Body(), some(50)
    known, read = (features(one, inputs).detach().numpy() for one in (teacher, student))
    deviation = known.std(0, ddof=1)
    deviation = deviation + deviation.mean() / 10
    found, _ = with_hints(teacher, lambda epoch: iter([(inputs, None)]))(student, inputs, LABELS)
    assert float(found.detach()) == pytest.approx(np.mean((read - (known - known.mean(0)) / deviation) ** 2), rel=1e-5)
    found.backward()
    assert student.body.weight.grad is not None
    assert teacher.body.weight.grad is None


def test_half_of_a_batch_is_mixed_with_itself_and_other_things_stand_behind_in_grey(faces, others):
    (own, _), (inputs, labels) = next(faces(0)), next(shown(faces, others, GREY)(0))
    assert torch.equal(labels, LABELS[:4])
    assert torch.equal(inputs[:4], own[:4])
    lowest, highest = own[4:].amin(0), own[4:].amax(0)
    assert ((inputs[4:8] >= lowest - 1e-6) & (inputs[4:8] <= highest + 1e-6)).all(), "between two of them"
    assert not torch.equal(inputs[4:8], own[4:])
    assert len(inputs) == 8 + 8 // OTHERS
    assert torch.equal(inputs[8:, 0], inputs[8:, 1]), "no colour is left"
    assert inputs[8:].std() > 0.1


def test_the_same_epoch_shows_the_same_pictures_and_another_shows_others(faces, others):
    once, again, later = (next(shown(faces, others, GREY)(epoch))[0] for epoch in (0, 0, 1))
    assert torch.equal(once, again)
    assert torch.equal(once[:4], later[:4])
    assert not torch.equal(once[8:], later[8:])


def test_a_plan_with_hints_makes_a_network_that_sees_more_as_its_teacher_does(others):
    teacher = samples.load("resnet8-cifar10").network
    asked = plan("resnet8-cifar10").model_copy(
        update={"hints": "cifar10", "epochs": 0, "batch_size": 16, "average": 0.0}
    )

    def unlike(network: nn.Module) -> float:
        inputs, labels = torch.from_numpy(asked.preprocessing(others.raw)), torch.from_numpy(others.labels)
        with torch.no_grad():
            return float(with_hints(teacher, lambda epoch: iter([(inputs, labels)]))(network, inputs, labels)[0])

    before, after = (
        unlike(trained(asked.model_copy(update={"hinted": n}), others, teacher=teacher).eval()) for n in (0, 20)
    )
    assert after < 0.9 * before
