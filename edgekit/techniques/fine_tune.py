"""Fine-tuning: train the network a little longer, so that it makes up for what was cut.  w ← w − η · ∇loss, zeros held

The loss is cross-entropy on augmented training samples; `soft_labels` of it asks for the softened answers that the
network gave before compression, which say more of a sample than its label does. The learning rate climbs for a tenth
of the time and then falls to zero. Weights that are zero when it starts stay zero, so earlier pruning is kept.

Costs: training time: an epoch is one pass over the training samples, forwards and backwards.
When it fails: with a learning rate so high that the network forgets what it knew; on few samples, which it learns by
heart. It cannot train what is quantized already, so it comes before every quantization step.
Reference: Han et al. 2015, "Learning both Weights and Connections for Efficient Neural Networks", arXiv:1506.02626;
soft labels: Hinton et al. 2015, arXiv:1503.02531; schedule: Smith and Topin 2018, arXiv:1708.07120; why the rate should
restart high: Renda et al. 2020, arXiv:2003.02389.
"""

from collections.abc import Callable, Iterator
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from edgekit.core.bench import Bench
from edgekit.core.knobs import Knob
from edgekit.core.technique import Applied, Change, Fact, NetworkTechnique
from edgekit.models.training import Schedule, fit, with_teacher
from edgekit.techniques._layers import weight_layers


class FineTune(NetworkTechnique):
    """Settings of fine-tuning; see the module docstring."""

    epochs: Annotated[int, Knob(unit="epochs", help="Passes over the training samples.")] = Field(3, ge=1, le=100)
    learning_rate: Annotated[float, Knob(log=True, help="The highest learning rate, reached after a tenth.")] = Field(
        0.01, ge=1e-5, le=0.5
    )
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

    title, family = "Fine-tuning", "Recovery"
    reference = "Han et al. 2015, arXiv:1506.02626"
    needs = frozenset({Fact.FLOAT_WEIGHTS, Fact.TRAINING_DATA})
    trains = True

    def apply(self, network: nn.Module, bench: Bench) -> Applied:
        """Train. The curve holds, per epoch, loss and accuracy in training, and accuracy on validation samples."""
        network.requires_grad_(True)
        before = {name: layer.weight.detach().clone() for name, layer in weight_layers(network)}
        scores: list[float] = []

        def batches(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
            yield from bench.training(self.batch_size, epoch)
            scores.append(bench.score(network.eval()))  # reached once the last batch is learned
            network.train()

        schedule = Schedule(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            batches_per_epoch=max(1, bench.training_size // self.batch_size),
            weight_decay=self.weight_decay,
            seed=bench.seed,
        )
        loss = with_teacher(bench.teacher, self.soft_labels) if self.soft_labels and bench.teacher else None
        trained, epochs = fit(
            network, batches, schedule, loss=loss, after_step=_zeros_held(network), progress=bench.progress
        )
        bench.progress(1.0, "done")
        curve = [
            {"epoch": epoch.epoch, "loss": epoch.loss, "accuracy": epoch.accuracy, "validation_accuracy": score}
            for epoch, score in zip(epochs, scores, strict=True)
        ]
        changes = [Change(name, _moved(before[name], layer.weight)) for name, layer in weight_layers(trained)]
        return Applied(trained, changes, curve=curve)


def _zeros_held(network: nn.Module) -> Callable[[], None]:
    """A function that sets to zero again every weight that is zero now."""
    pruned = [(layer.weight, layer.weight != 0) for _, layer in weight_layers(network) if (layer.weight == 0).any()]

    @torch.no_grad()
    def hold() -> None:
        for weight, kept in pruned:
            weight.mul_(kept)

    return hold


@torch.no_grad()
def _moved(before: Tensor, after: Tensor) -> str:
    share = float((after - before).norm() / before.norm().clamp_min(1e-12))
    zeros = int((after == 0).sum())
    return f"weights moved by {share:.1%} of their norm" + (f", {zeros:,} zeros held" if zeros else "")
