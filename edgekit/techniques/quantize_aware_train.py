"""Quantization-aware training: train with the rounding in place, steps and all.  w ≈ s · code, both w and s learned

The network computes with the codes that the file will hold, of weights and of what passes between the layers, while
the float weights behind them go on learning: the gradient passes the rounding as if it were not there. The steps learn
too, starting where the squared error is least. Batch normalisation goes on learning, and is folded into the codes'
scales at the end. What comes out is a file that runs on integers at every width, with the very codes of training.

Below 8 bits, `activation_bits` is for what meets weights; what only sums and means take keeps 8. By custom, so do the
weights and the input of the first and the last layer; set `edge_bits` to change that, or give a layer its own `bits`.

Costs: training time, about twice that of fine-tuning. Nothing at run time; with fewer than 8 bits for activations each
layer cuts off the codes above, since processors have no smaller ones: 2 % of ResNet-20's time.
When it fails: on few samples, or after so few epochs that 2-bit weights have not found their place; it needs training
data and a network whose calls do not depend on its input's values. A learning rate fit for fine-tuning is too high: at
2 bits ResNet-8 had 84.4 % of its validation samples right after 300 updates at a peak of 0.01, and 86.3 % at 0.003.
Reference: Esser et al. 2020, "Learned Step Size Quantization", arXiv:1902.08153; folding: Jacob et al. 2018,
"Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", arXiv:1712.05877;
soft labels: Hinton et al. 2015, arXiv:1503.02531.
"""

from typing import Annotated, Literal, Self

import numpy as np
import onnx
from pydantic import Field, model_validator
from torch import nn

from edgekit.core.bench import Bench
from edgekit.core.errors import NothingToDo
from edgekit.core.knobs import Knob
from edgekit.core.technique import Applied, Change, Fact, Layerwise, NetworkTechnique
from edgekit.models.graphs import array
from edgekit.techniques._calibrate import watch
from edgekit.techniques._fake_quant import LearnedStep
from edgekit.techniques._graph import GraphLayer, weight_layers
from edgekit.techniques._learned_codes import step_for_activation, step_for_weight
from edgekit.techniques._learner import Learner, RoundedWeight, by_weight, float_graph, with_activations, with_weights
from edgekit.techniques._plan import Plan, integer_layers, plan
from edgekit.techniques._settings import bits_of_layers, refuse_for_layers
from edgekit.techniques._static import REDUCED_BITS, activation_dtype, overflows
from edgekit.techniques._train import Training, train

FULL = 8  # bits of what passes between layers and meets no weights


class QuantizeAwareTrain(Training, Layerwise, NetworkTechnique):
    """Settings of quantization-aware training; see the module docstring."""

    bits: Annotated[int, Knob(unit="bits", step=1, help="Bits kept of every weight.")] = Field(4, ge=2, le=8)
    activation_bits: Annotated[
        Literal["float", 4, 5, 6, 8],
        Knob(help="Bits of what the layers read, or keep it as floats, which makes the network smaller but no faster."),
    ] = 8
    edge_bits: Annotated[
        int, Knob(unit="bits", step=1, help="Bits of the first and the last layer, if more than bits.", advanced=True)
    ] = Field(8, ge=2, le=8)
    learning_rate: Annotated[
        float, Knob(log=True, help="The highest learning rate, reached after a tenth; steps stand less than weights.")
    ] = Field(0.003, ge=1e-5, le=0.5)
    samples: Annotated[
        int, Knob(unit="samples", log=True, help="Training samples to find the first steps with.", advanced=True)
    ] = Field(128, ge=1, le=4096)

    title, family = "Quantization-aware training", "Quantization"
    effect = "Smaller file and faster, at fewer bits than rounding afterwards stands"
    reference = "Esser et al. 2020, arXiv:1902.08153"
    trains = True

    @property
    def needs(self) -> frozenset[Fact]:
        """Float activations, and samples of them, only where they get codes."""
        facts = {Fact.FLOAT_WEIGHTS, Fact.TRAINING_DATA}
        if self.activation_bits != "float":
            facts |= {Fact.FLOAT_ACTIVATIONS, Fact.CALIBRATION_DATA}
        return frozenset(facts)

    @property
    def removes(self) -> frozenset[Fact]:
        """It ends as a graph; float activations stay where they were asked to."""
        facts = {Fact.NETWORK, Fact.FLOAT_WEIGHTS}
        return frozenset(facts if self.activation_bits == "float" else facts | {Fact.FLOAT_ACTIVATIONS})

    @model_validator(mode="after")
    def _layers_may_differ_in(self) -> Self:
        refuse_for_layers(self.layers, ("bits",))
        return self

    def apply(self, network: nn.Module, bench: Bench) -> Applied:
        """Train with codes and write them.

        Raises:
            NothingToDo: there is no layer whose weights could get codes.
            ModelError: activations get codes, and the network's calls could not be followed.
        """
        learner = self._learner(network, bench.part(0, 0.04))
        dtype = activation_dtype("auto", bench.host)

        def score(twin: nn.Module) -> float:
            return bench.score(learner.written(bench, dtype)[0])

        _, curve = train(learner.twin, bench.part(0.04, 0.98), self, after_step=learner.hold, score=score)
        graph, encodings = learner.written(bench, dtype)
        bench.progress(1.0, "done")
        return Applied(graph, [Change(name, _in_words(learner, name)) for name in learner.layers], encodings, curve)

    def _learner(self, network: nn.Module, bench: Bench) -> Learner:
        """The network with codes in place, as training finds it."""
        bench.progress(0, "finding what gets codes")
        graph = float_graph(network, bench)
        layers, modules = self._layers(graph, network), by_weight(network)
        weights: dict[str, RoundedWeight] = {}
        for name, n in bits_of_layers(self, [name for name, _ in weight_layers(graph)]).items():
            if name in layers and layers[name].weight not in weights:
                if self.activation_bits != "float" and overflows(bench.host):
                    n = min(n, REDUCED_BITS)
                weight, layer = layers[name].weight, modules[layers[name].weight]
                step = step_for_weight(layer, array(graph, weight), layers[name].axis, n)
                weights[weight] = RoundedWeight(layer, step, n)
        if not weights:
            raise NothingToDo(
                f"{self.title} found no convolution or linear layer whose weights could get codes. "
                "Skip fewer layers, or remove the step."
            )
        if self.activation_bits == "float":
            return with_weights(network, {name: layer.weight for name, layer in layers.items()}, weights)
        what = plan(graph, set(layers))
        return with_activations(network, graph, what, weights, self._activations(graph, what, bench), bench)

    def _layers(self, graph: onnx.ModelProto, network: nn.Module) -> dict[str, GraphLayer]:
        """Name -> layer whose weights can get codes: those that the network holds as they are."""
        ours, found = by_weight(network), dict(weight_layers(graph))
        if self.activation_bits != "float":
            found = integer_layers(graph)
        found = {name: layer for name, layer in found.items() if layer.weight in ours and self.for_layer(name)}
        return found if self.activation_bits == "float" else plan(graph, set(found)).layers

    def _activations(self, graph: onnx.ModelProto, what: Plan, bench: Bench) -> dict[str, LearnedStep]:
        """A step for every tensor that needs codes of its own."""
        seen = watch(graph, list(what.ranged), bench.calibration(self.samples), bench.progress)
        makers = {name: node for node in graph.graph.node for name in node.output}
        found = {}
        for tensor, n in self._bits_of_activations(graph, what).items():
            clip = makers.get(tensor)
            most = array(graph, clip.input[2]) if clip and clip.op_type == "Clip" and len(clip.input) > 2 else np.inf
            found[tensor] = step_for_activation(seen[tensor], n, float(most))
        return found

    def _bits_of_activations(self, graph: onnx.ModelProto, what: Plan) -> dict[str, int]:
        """`activation_bits` for what meets weights, but more at the edges, and 8 for all the rest."""
        names, bits = [name for name, _ in weight_layers(graph)], dict.fromkeys(what.ranged, FULL)
        for name, layer in what.layers.items():
            source, edge = what.codes_of[layer.node.input[0]], name in (names[0], names[-1])
            bits[source] = min(bits[source], max(self.activation_bits, self.edge_bits if edge else 0))
        return bits


def _in_words(learner: Learner, name: str) -> str:
    """What became of a layer, for a Change."""
    text = f"{learner.weights[learner.layers[name]].bits} bits per weight, a learned step per channel"
    if not learner.activations:
        return text
    if name not in learner.outputs:
        return f"{text}; puts out floats"
    step = learner.activations[learner.outputs[name]]
    low, high = (float(end * step.step.detach()) for end in (step.first, step.last))
    return f"{text}; puts out {step.levels} levels from {low:.3g} to {high:.3g}"
