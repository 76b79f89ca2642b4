"""The training loop learns, repeats itself, stops when asked, and leaves the global random state alone."""

import pytest
import torch
from torch import nn

from edgekit.core.errors import Cancelled
from edgekit.models.training import Schedule, fit
from edgekit.tasks import task
from edgekit.tasks._losses import as_logits


def network() -> nn.Module:
    """A small network with normalisation and dropout, the same each time."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.1), nn.Linear(4 * 36, 2)
        )


def batches(epoch: int):
    """Images whose class is whether their left half is the brighter one."""
    random = torch.Generator().manual_seed(epoch)
    for _ in range(8):
        images = torch.rand(32, 1, 8, 8, generator=random)
        yield images, (images[..., :4].mean((1, 2, 3)) > images[..., 4:].mean((1, 2, 3))).long()


CLASSES = task("classification")
SCHEDULE = Schedule(epochs=6, learning_rate=0.1, batches_per_epoch=8, seed=5)


def test_training_learns_what_can_be_learned():
    trained, curve = fit(network(), batches, SCHEDULE, CLASSES)
    assert [epoch.epoch for epoch in curve] == [1, 2, 3, 4, 5, 6]
    assert curve[-1].loss < curve[0].loss
    assert curve[-1].accuracy > 0.75  # a coin would get half of them
    assert not trained.training


def test_what_a_softmax_puts_out_is_taken_for_the_probabilities_that_it_is():
    logits = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 3.0]])
    assert torch.equal(as_logits(logits), logits)
    assert torch.allclose(as_logits(logits.softmax(1)), logits.log_softmax(1), atol=1e-5)
    assert torch.allclose(as_logits(logits.softmax(1).bfloat16()), logits.log_softmax(1), atol=0.02)


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_the_same_seed_gives_the_same_weights(average):
    schedule = Schedule(2, 0.1, 8, average=average, seed=5)
    one, other = (fit(network(), batches, schedule, CLASSES)[0].state_dict() for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_global_random_state_is_left_as_it_was():
    before = torch.get_rng_state()
    fit(network(), batches, SCHEDULE, CLASSES)
    assert torch.equal(before, torch.get_rng_state())


def test_cancel_stops_within_a_batch_and_leaves_the_global_random_state_as_it_was():
    before, seen = torch.get_rng_state(), []

    def stop(fraction: float, what: str) -> None:
        seen.append((fraction, what))
        if len(seen) == 11:
            raise Cancelled("The person pressed Cancel.")

    with pytest.raises(Cancelled):
        fit(network(), batches, SCHEDULE, CLASSES, progress=stop)
    assert seen[-1] == (11 / 48, "epoch 2 of 6")
    assert torch.equal(before, torch.get_rng_state())


def test_progress_climbs_to_one():
    seen = []
    fit(network(), batches, SCHEDULE, CLASSES, progress=lambda fraction, what: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_weights_held_after_each_step_do_not_move():
    held = network()
    weight = held[0].weight

    @torch.no_grad()
    def hold() -> None:
        weight[0] = 0

    trained, _ = fit(held, batches, SCHEDULE, CLASSES, after_step=hold)
    assert (trained[0].weight[0] == 0).all()
    assert (trained[0].weight[1:] != 0).all()


def test_biases_and_normalisation_are_not_decayed():
    still = network()
    schedule = Schedule(1, 1e-30, 8, weight_decay=1e28)  # a rate at which only the decay could move anything
    trained, _ = fit(still, batches, schedule, CLASSES)
    fresh = network().state_dict()
    assert not torch.equal(trained[0].weight, fresh["0.weight"])
    assert torch.equal(trained[0].bias, fresh["0.bias"])
    assert torch.equal(trained[1].weight, fresh["1.weight"])


def test_normalisation_keeps_its_statistics_when_asked():
    schedule = Schedule(2, 0.1, 8, seed=5, still_norms=True)
    trained, _ = fit(network(), batches, schedule, CLASSES, after_epoch=lambda epoch: None)
    assert (trained[1].running_mean == 0).all()
    assert not torch.equal(trained[1].weight, network()[1].weight), "its scales are trained all the same"


def test_the_running_mean_of_weights_is_kept_when_asked():
    last = network()
    kept, _ = fit(last, batches, Schedule(2, 0.1, 8, average=0.9, seed=5), CLASSES)
    assert kept is not last
    assert not torch.equal(kept[0].weight, last[0].weight)


def test_a_loss_of_ones_own_replaces_cross_entropy():
    calls = []

    def loss(student, inputs, labels):
        logits = student(inputs).float()
        calls.append(len(labels))
        return nn.functional.multi_margin_loss(logits, labels), logits

    fit(network(), batches, Schedule(1, 0.1, 8), CLASSES, loss=loss)
    assert calls == [32] * 8
