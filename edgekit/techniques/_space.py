"""The networks that search_architecture chooses from: three stages of inverted residuals or of plain residual blocks.

A stem of `width` channels, then stages of one, two and four times as many, each halving the image once it is large
enough (see `strides`); inverted residuals end in a head of eight times as many. Images may be made smaller first.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import torch
from torch import nn

from edgekit.models.architectures.blocks import ConvNorm, ImageClassifier, Inverted, Shape, strides
from edgekit.models.architectures.resnet import Block
from edgekit.techniques._smaller_images import Smaller, put_before

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class Design:
    """One network of the space.

    Attributes:
        blocks: MobileNetV2's inverted residuals, or ResNet's.
        width: channels of the stem.
        depth: blocks in each stage.
        kernel: height and width of the filters.
        expansion: how much wider inverted residuals are inside.
        resolution: the share of the image's height and width that is looked at.
    """

    blocks: Literal["inverted", "residual"]
    width: int
    depth: int
    kernel: int
    expansion: int
    resolution: float

    def __str__(self) -> str:
        blocks = f"{self.depth} {self.blocks} block{'s'[: self.depth > 1]} of {self.kernel} × {self.kernel} a stage"
        inside = f", {self.expansion} times as wide inside" if self.blocks == "inverted" else ""
        return (
            f"{blocks}{inside}, {self.width} to {4 * self.width} channels, images at {self.resolution:g} of their size"
        )


SMALLEST = Design("inverted", 8, 1, 3, 2, 0.5)


def suggested(trial: optuna.Trial) -> Design:
    """The design that a sampler wants to see next."""
    blocks = trial.suggest_categorical("blocks", ["inverted", "residual"])
    return Design(
        blocks=blocks,
        width=trial.suggest_int("width", 8, 48, step=8),
        depth=trial.suggest_int("depth", 1, 4),
        kernel=trial.suggest_categorical("kernel", [3, 5]),
        expansion=trial.suggest_int("expansion", 2, 6) if blocks == "inverted" else 1,
        resolution=trial.suggest_float("resolution", 0.5, 1.0, step=0.125),
    )


def built(design: Design, classes: int, shape: Shape, seed: int) -> nn.Module:
    """The network of a design with random weights that `seed` decides. The global random state is left as it was."""
    channels, *size = shape
    smaller = tuple(max(1, round(side * design.resolution)) for side in size)
    first, *steps = strides([2, 2, 2, 2], (channels, *smaller))
    widths = [design.width, *(design.width * factor for factor in (1, 2, 4))]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        stem = ConvNorm(channels, design.width, 3, first)
        blocks = [
            _block(design, inputs if number == 0 else outputs, outputs, step if number == 0 else 1)
            for (inputs, outputs), step in zip(pairwise(widths), steps, strict=True)
            for number in range(design.depth)
        ]
        inverted = design.blocks == "inverted"
        head = ConvNorm(widths[-1], 2 * widths[-1]) if inverted else nn.Identity()
        network = ImageClassifier(stem, blocks, head, nn.Linear(widths[-1] * (2 if inverted else 1), classes))
    if smaller != tuple(size):
        put_before(network, Smaller(tuple(size), smaller, "area"))
    return network


def _block(design: Design, inputs: int, outputs: int, stride: int) -> nn.Module:
    if design.blocks == "residual":
        return Block(inputs, outputs, stride, design.kernel)
    hidden = inputs * design.expansion
    return Inverted(inputs, hidden, outputs, design.kernel, stride, activation=nn.ReLU)
