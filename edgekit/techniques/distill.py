"""Distillation: a teacher's softened answers train the network.  s · T² · KL(teacher/T ‖ network/T) + (1 − s) · labels

The network as it is at this point of the recipe (pruned, swapped, or whole) is the student; the teacher is the original
network, or another sample model for the same data, which may be larger and better. Its answers, softened by the
temperature T, say of each sample which other classes it resembles. `attention` adds that the student should look where
the teacher looks: at every size of feature map that both have, the sums of squares over channels are made alike. Zeros
stay zero, as in fine-tuning.

Costs: training time: fine-tuning's, and one pass forwards of the teacher for every batch.
When it fails: a teacher that is hardly better than the student has little to say; one that is far better says it in a
way that a tiny student cannot follow (raise the temperature); few samples without augmentation are learned by heart.
Reference: Hinton et al. 2015, "Distilling the Knowledge in a Neural Network", arXiv:1503.02531; attention: Zagoruyko
and Komodakis 2017, arXiv:1612.03928; how far apart teacher and student may be: Mirzadeh et al. 2020, arXiv:1902.03393.
"""

import copy
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from edgekit.core.bench import Bench
from edgekit.core.errors import ModelError
from edgekit.core.knobs import Knob
from edgekit.core.model import Model
from edgekit.core.preprocessing import Pixels
from edgekit.core.technique import Applied, Change, Fact, NetworkTechnique
from edgekit.models import samples
from edgekit.models.about import About
from edgekit.models.training import Loss, with_teacher
from edgekit.techniques._attention_maps import distance, map_makers, watched
from edgekit.techniques._layers import weight_layers
from edgekit.techniques._train import Training, moved, train

ORIGINAL = "original"


class Distill(Training, NetworkTechnique):
    """Settings of distillation; see the module docstring."""

    teacher: Annotated[
        str, Knob(help="Who teaches: original (the network before compression), or the id of another sample model.")
    ] = ORIGINAL
    temperature: Annotated[
        float, Knob(step=0.5, help="How soft the teacher's answers are made: at 1 as they are, higher says more.")
    ] = Field(4.0, ge=1, le=20)
    soft_labels: Annotated[
        float, Knob(unit="share", step=0.1, help="How much the teacher's answers count; at 1 labels are not looked at.")
    ] = Field(0.9, ge=0, le=1)
    attention: Annotated[
        float, Knob(step=1, help="How much the student should look where the teacher looks; 0 is not at all.")
    ] = Field(0.0, ge=0, le=100)

    title, family = "Distillation", "Recovery"
    effect = "More accuracy for the same file"
    reference = "Hinton et al. 2015, arXiv:1503.02531"
    needs = frozenset({Fact.FLOAT_WEIGHTS, Fact.TRAINING_DATA})
    trains = True

    @property
    def asks(self) -> tuple[str, ...]:
        """The teacher, if it is another model."""
        return () if self.teacher == ORIGINAL else (self.teacher,)

    def apply(self, network: nn.Module, bench: Bench) -> Applied:
        """Train, and say how far each layer's weights moved.

        Raises:
            ModelError: no such teacher, one for other data, or with `attention` none of whose maps fits.
        """
        loss = self._loss(network, _teacher(self.teacher, bench), bench)
        before = {name: layer.weight.detach().clone() for name, layer in weight_layers(network)}
        trained, curve = train(network, bench, self, loss=loss)
        changes = [Change(name, moved(before[name], layer.weight)) for name, layer in weight_layers(trained)]
        return Applied(trained, changes, curve=curve)

    def _loss(self, student: nn.Module, teacher: nn.Module, bench: Bench) -> Loss:
        answers = with_teacher(bench.task, teacher, self.soft_labels, self.temperature)
        if not self.attention:
            return answers
        own, others = map_makers(student, bench.example), map_makers(teacher, bench.example)
        pairs = [(own[size], others[size]) for size in own if size in others]
        if not pairs:
            raise ModelError(
                "attention compares feature maps of the same height and width; the student's are "
                f"{_in_words(own)}, the teacher's {_in_words(others)}. Set attention to 0, or take another teacher."
            )

        def loss(network: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
            with (
                watched(network, [name for name, _ in pairs]) as mine,
                watched(teacher, [n for _, n in pairs]) as wanted,
            ):
                value, logits = answers(network, inputs, labels)
            return value + self.attention * distance(mine, wanted, pairs), logits

        return loss


class _Prepared(nn.Module):
    """A teacher that was trained on pixels prepared in another way: inputs are changed to its own."""

    def __init__(self, teacher: Model, bench: Bench):
        super().__init__()
        ours, theirs = bench.preprocessing, teacher.preprocessing
        mean, std, own_mean, own_std = (
            torch.tensor(values).view(-1, 1, 1) for values in (ours.mean, ours.std, theirs.mean, theirs.std)
        )
        self.register_buffer("scale", std / own_std)
        self.register_buffer("shift", (mean - own_mean) / own_std)
        self.network = copy.deepcopy(teacher.network)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.network(inputs * self.scale + self.shift)


def _teacher(name: str, bench: Bench) -> nn.Module:
    """A private copy of the teacher, for inputs as the bench gives them; what it is a copy of is in eval mode."""
    if name == ORIGINAL:
        if bench.teacher is None:
            raise ModelError(
                "distillation needs a teacher, and this model has no original network. Name a sample model."
            )
        return copy.deepcopy(bench.teacher)
    fitting = [ORIGINAL, *(known for known, card in samples.cards().items() if _fits(card, bench))]
    if name not in fitting:
        raise ModelError(
            f"a teacher must be the original network or a sample model for the same data, not '{name}'. "
            f"There are: {', '.join(fitting)}."
        )
    model = samples.load(name)
    same = model.preprocessing == bench.preprocessing
    return copy.deepcopy(model.network) if same else _Prepared(model, bench).eval()


def _fits(teacher: About, bench: Bench) -> bool:
    """Whether it takes the same images, however they are scaled."""
    if teacher.data != bench.data:
        return False
    ours, theirs = bench.preprocessing, teacher.preprocessing
    if not (isinstance(ours, Pixels) and isinstance(theirs, Pixels)):
        return ours == theirs
    return (theirs.size, theirs.channels_last, len(theirs.mean)) == (ours.size, ours.channels_last, len(ours.mean))


def _in_words(sizes: dict[tuple[int, int], str]) -> str:
    return ", ".join(f"{height} × {width}" for height, width in sizes) or "none"
