"""Training inside a technique: the knobs that such techniques share, and one call that trains and keeps the curve."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, Field
from torch import Tensor, nn

from edgekit.core.bench import Bench
from edgekit.core.knobs import Knob
from edgekit.models.training import Epoch, Loss, Schedule, fit, with_teacher
from edgekit.techniques._layers import weight_layers


class Training(BaseModel):
    """The knobs of every technique that trains. Put it before the technique class among the bases."""

    epochs: Annotated[int, Knob(unit="epochs", help="Passes over the training samples.")] = Field(3, ge=1, le=100)
    learning_rate: Annotated[float, Knob(log=True, help="The highest learning rate, reached after a tenth.")] = Field(
        0.01, ge=1e-5, le=0.5
    )
    optimizer: Annotated[
        Literal["sgd", "adamw"],
        Knob(help="AdamW suits transformers and recurrent networks, at a hundredth of SGD's rate.", advanced=True),
    ] = "sgd"
    batch_size: Annotated[int, Knob(unit="samples", log=True, advanced=True, help="Samples per update.")] = Field(
        32, ge=16, le=1024
    )
    weight_decay: Annotated[float, Knob(advanced=True, help="How strongly weights are pulled to zero.")] = Field(
        5e-4, ge=0, le=0.01
    )
    soft_labels: Annotated[
        float,
        Knob(unit="share", step=0.1, help="How much the original network's answers count, instead of the labels."),
    ] = Field(0.7, ge=0, le=1)


def train(
    network: nn.Module,
    bench: Bench,
    how: Training,
    *,
    epochs: int | None = None,
    started: int = 0,
    loss: Loss | None = None,
    after_step: Callable[[], None] = lambda: None,
    score: Callable[[nn.Module], float] | None = None,
    about: dict[str, Any] | None = None,
) -> tuple[nn.Module, list[dict[str, Any]]]:
    """Train `network` in place, weights that are zero staying zero, and return it in eval mode with its curve.

    The curve holds, per epoch, loss and accuracy (the task's score) in training, and the score on validation samples;
    each epoch is also told to `bench.on_epoch` at once. `bench.progress` goes from 0 to 1.

    Args:
        epochs: instead of `how.epochs`, for techniques that train several times.
        started: epochs that were trained before, so that shuffling and numbers go on from there.
        loss: (network, inputs, labels) -> (mean loss, outputs); by default the task's, mixed with the answers of
            `bench.teacher` as `how.soft_labels` says.
        after_step: called after each update.
        score: network -> accuracy on validation samples; `bench.score` by default.
        about: what every point of the curve also holds, such as {"round": 2}.
    """
    network.requires_grad_(True)
    epochs, hold, curve = how.epochs if epochs is None else epochs, _zeros_held(network), []
    if loss is None and how.soft_labels and bench.teacher:
        loss = with_teacher(bench.task, bench.teacher, how.soft_labels)

    def after_epoch(epoch: Epoch) -> None:
        found = (score or bench.score)(network.eval())
        network.train()
        seen = {"epoch": started + epoch.epoch, "loss": epoch.loss, "accuracy": epoch.accuracy}
        curve.append(seen | {"validation_accuracy": found} | (about or {}))
        bench.on_epoch(curve[-1])

    def after() -> None:
        hold()
        after_step()

    schedule = Schedule(
        epochs=epochs,
        learning_rate=how.learning_rate,
        batches_per_epoch=max(1, bench.training_size // how.batch_size),
        weight_decay=how.weight_decay,
        optimizer=how.optimizer,
        seed=bench.seed + started,
    )
    trained, _ = fit(
        network,
        lambda epoch: bench.training(how.batch_size, started + epoch),
        schedule,
        bench.task,
        loss=loss,
        after_step=after,
        after_epoch=after_epoch,
        progress=bench.progress,
    )
    bench.progress(1.0, "trained")
    return trained, curve


@torch.no_grad()
def moved(before: Tensor, after: Tensor) -> str:
    """How far training moved a layer's weights, for a Change."""
    share = float((after - before).norm() / before.norm().clamp_min(1e-12))
    zeros = int((after == 0).sum())
    return f"weights moved by {share:.1%} of their norm" + (f", {zeros:,} zeros held" if zeros else "")


def _zeros_held(network: nn.Module) -> Callable[[], None]:
    """A function that sets to zero again every weight that is zero now."""
    pruned = [(layer.weight, layer.weight != 0) for _, layer in weight_layers(network) if (layer.weight == 0).any()]

    @torch.no_grad()
    def hold() -> None:
        for weight, kept in pruned:
            weight.mul_(kept)

    return hold
