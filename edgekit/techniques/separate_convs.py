"""Separable convolutions: filter each channel, then mix the channels.  W[o, c] ≈ Σ_r mix[o, c, r] · filter[c, r]

Each convolution over space and channels becomes two: "depthwise", with `multiplier` filters for each input channel, and
"pointwise", a 1 × 1 convolution. They start as the nearest pair to the weights there were, by singular values, and then
train with the answers of the original network. A layer that would not get smaller stays as it is. For 3 × 3 kernels and
64 outputs, multiplier 1 leaves 13 % of weights and work, 2 leaves 25 %, 4 leaves 51 %.

Costs: `epochs` of training; a singular value decomposition of every layer, a moment.
When it fails: without training the network is lost at multiplier 1, since trained kernels are not that alike, and with
little training it stays behind: after 3 epochs on 15,000 samples a ResNet-8 on CIFAR-10 had lost 16 points of 90 on
validation samples at multiplier 1, in 0.31 of its time, and 5 at multiplier 2, in 0.63. A depthwise convolution does
little work for each number that it moves, so time falls by less than work does. In 8 bits it is no faster: at
multiplier 1 quantize_static took it from 0.055 to 0.13 ms (ONNX Runtime 1.31, x86 with VNNI). Filters of unlike
channels also need ranges of their own. Channels can be pruned before this step, and after it only with multiplier 1;
single weights only after it, since it keeps no zeros.
Reference: Howard et al. 2017, "MobileNets", arXiv:1704.04861; from trained weights: Guo et al. 2018, "Network
Decoupling: From Regular to Depthwise Separable Convolutions", arXiv:1808.05517.
"""

from typing import Annotated, Self

from pydantic import Field, model_validator
from torch import nn

from edgekit.core.bench import Bench
from edgekit.core.errors import NothingToDo
from edgekit.core.knobs import Knob
from edgekit.core.technique import Applied, Change, Fact, Layerwise, NetworkTechnique
from edgekit.techniques._layers import weight_layers
from edgekit.techniques._separable import can_be_separated, separated
from edgekit.techniques._settings import refuse_for_layers
from edgekit.techniques._train import Training, train


class SeparateConvs(Layerwise, Training, NetworkTechnique):
    """Settings of separable convolutions; see the module docstring."""

    multiplier: Annotated[int, Knob(unit="filters", help="Filters kept for each input channel.")] = Field(1, ge=1, le=4)
    epochs: Annotated[int, Knob(unit="epochs", help="Passes over the training samples; 0 trains nothing.")] = Field(
        5, ge=0, le=100
    )

    title, family = "Separable convolutions", "Smaller networks"
    effect = "Smaller file and fewer multiplications; not everywhere faster"
    reference = "Howard et al. 2017, arXiv:1704.04861"
    renames = True

    @property
    def needs(self) -> frozenset[Fact]:
        """Float weights, and samples to train on if any epochs are asked for."""
        return frozenset({Fact.FLOAT_WEIGHTS} | ({Fact.TRAINING_DATA} if self.epochs else set()))

    @property
    def trains(self) -> bool:
        """Whether any epochs are asked for."""
        return self.epochs > 0

    @model_validator(mode="after")
    def _layers_may_differ_in(self) -> Self:
        refuse_for_layers(self.layers, ("multiplier",))
        return self

    def apply(self, network: nn.Module, bench: Bench) -> Applied:
        """Replace the convolutions and train. Raises NothingToDo if none would get smaller."""
        chosen = [(name, layer, self.for_layer(name)) for name, layer in weight_layers(network)]
        chosen = [one for one in chosen if one[2] is not None and can_be_separated(one[1], one[2].multiplier)]
        if not chosen:
            raise NothingToDo(
                f"{self.title} found no convolution that two would make smaller at multiplier {self.multiplier}. "
                "Lower multiplier, skip fewer layers, or remove the step."
            )
        changes, end = [], 0.1 if self.epochs else 1
        for name, (_, layer, own) in bench.part(0, end).each((one[0], one) for one in chosen):
            pair, kept = separated(layer, own.multiplier)
            network.set_submodule(name, pair)
            left = (pair.depthwise.weight.numel() + pair.pointwise.weight.numel()) / layer.weight.numel()
            changes.append(Change(name, f"{left:.0%} of the weights, which hold {kept:.0%} of their energy at first"))
        if not self.epochs:
            return Applied(network.eval(), changes)
        trained, curve = train(network, bench.part(end, 1), self)
        return Applied(trained, changes, curve=curve)
