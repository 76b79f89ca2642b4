"""What every technique needs that puts another network in place of the one it is given."""

from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch import nn

from edgekit.core.bench import Bench
from edgekit.core.errors import ModelError
from edgekit.core.knobs import Knob
from edgekit.core.technique import Change
from edgekit.models.architectures.blocks import Shape
from edgekit.techniques._layers import weight_layers
from edgekit.techniques._recalibrate import recalibrate
from edgekit.techniques._train import Training, train


class TrainingAnew(Training):
    """The knobs of training, where it starts from random weights: longer, faster, in larger batches."""

    epochs: Annotated[int, Knob(unit="epochs", help="Passes over the training samples, from random weights.")] = Field(
        10, ge=1, le=300
    )
    learning_rate: Annotated[float, Knob(log=True, help="The highest learning rate, reached after a tenth.")] = Field(
        0.1, ge=1e-4, le=0.5
    )
    batch_size: Annotated[int, Knob(unit="samples", log=True, advanced=True, help="Samples per update.")] = Field(
        64, ge=16, le=1024
    )


@torch.no_grad()
def wanted(network: nn.Module, example: np.ndarray, title: str) -> tuple[int, Shape]:
    """How many classes a network in place of this one must tell apart, and the shape of the images it will get.

    Raises:
        ModelError: the network does not take images, or does not answer with one number per class.
    """
    answers = network.eval()(torch.from_numpy(example))
    if example.ndim != 4 or answers.dim() != 2:
        raise ModelError(
            f"{title} is for networks that take images (channels, height, width) and answer with a number per class; "
            f"this one takes {example.shape[1:]} and answers with {tuple(answers.shape[1:])}. Remove the step."
        )
    return answers.shape[1], example.shape[1:]


def train_anew(
    student: nn.Module, bench: Bench, how: Training, **how_else: Any
) -> tuple[nn.Module, list[dict[str, Any]]]:
    """`train` for random weights, whose normalisation has seen nothing: it starts from what calibration samples give.

    Running statistics that start at 0 and 1 would still be far off after a few dozen updates.
    """
    recalibrate(student, bench.part(0, 0.05))
    return train(student, bench.part(0.05, 1), how, **how_else)


def described(network: nn.Module) -> list[Change]:
    """What each layer of a new network is."""
    return [Change(name, f"new: {_in_words(layer)}") for name, layer in weight_layers(network)]


def _in_words(layer: nn.Module) -> str:
    if isinstance(layer, nn.Linear):
        return f"{layer.in_features} numbers to {layer.out_features}"
    kernel = " × ".join(map(str, layer.kernel_size))
    if layer.groups > 1:
        return f"{kernel} on each of {layer.in_channels} channels"
    return f"{kernel}, {layer.in_channels} channels to {layer.out_channels}"
