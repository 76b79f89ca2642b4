"""Quantization-aware training: train with the rounding in place, steps and all.  w ≈ s · code, both w and s learned

The network computes with the codes that the file will hold, of weights and of what passes between the layers, while
the float weights behind them go on learning: the gradient passes the rounding as if it were not there. The steps learn
too, starting where the squared error is least. Batch normalisation goes on learning, and is folded into the codes'
scales at the end. What comes out is a file that runs on integers at every width, with the very codes of training.

Of its activations, the network's input and what sums and means take keep 8 bits, and so do, by custom, the weights and
the input of the first and the last layer; set `edge_bits` to change that, or give a layer its own `bits`.

Costs: training time, about twice that of fine-tuning. Nothing at run time; with fewer than 8 bits for activations each
layer has to cut off the codes above, a few microseconds, since processors have no smaller ones.
When it fails: on few samples, or after so few epochs that 2-bit weights have not found their place; it needs training
data and a network whose calls do not depend on its input's values. 4-bit weights rarely need it (see low-bit weights).
Reference: Esser et al. 2020, "Learned Step Size Quantization", arXiv:1902.08153; folding: Jacob et al. 2018,
"Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", arXiv:1712.05877;
soft labels: Hinton et al. 2015, arXiv:1503.02531.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Literal, Self

import numpy as np
import onnx
from pydantic import Field, model_validator
from torch import fx, nn
from torch.nn.modules.batchnorm import _BatchNorm

from edgekit.core.bench import Bench
from edgekit.core.errors import NothingToDo
from edgekit.core.knobs import Knob
from edgekit.core.technique import Applied, Change, Fact, Layerwise, NetworkTechnique
from edgekit.techniques._calibrate import watch
from edgekit.techniques._fake_quant import LearnedStep, RoundedLayer, RoundedNorm
from edgekit.techniques._follow import followed
from edgekit.techniques._graph import GraphLayer, array, lift_constants, store, weight_layers
from edgekit.techniques._layers import WITH_WEIGHTS
from edgekit.techniques._learned_codes import encoder, grid, limit_codes, step_for_activation, step_for_weight
from edgekit.techniques._plan import Plan, integer_layers, plan
from edgekit.techniques._qdq import Encoder, write_qdq
from edgekit.techniques._settings import bits_of_layers, refuse_for_layers
from edgekit.techniques._static import REDUCED_BITS, activation_dtype, overflows
from edgekit.techniques._train import Training, train

FULL = 8  # bits of what passes between layers and meets no weights
FEW = 8  # samples to find tensors again with


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
        """Train with codes and write them. Raises NothingToDo if there is no layer whose weights could get codes."""
        learner = self._learner(network, bench.part(0, 0.04))

        def score(twin: nn.Module) -> float:
            return bench.score(self._written(learner, bench).result)

        _, curve = train(learner.twin, bench.part(0.04, 0.98), self, after_step=learner.hold, score=score)
        done = self._written(learner, bench)
        bench.progress(1.0, "done")
        return replace(done, curve=curve)

    def _learner(self, network: nn.Module, bench: Bench) -> _Learner:
        """Steps for all that gets codes, and the network with these codes in place."""
        bench.progress(0, "finding what gets codes")
        graph, bits = _float_graph(network, bench), {}
        layers = self._layers(graph, network)
        for name, n in bits_of_layers(self, [name for name, _ in weight_layers(graph)]).items():
            if name in layers:
                least = REDUCED_BITS if self.activation_bits != "float" and overflows(bench.host) else n
                bits.setdefault(layers[name].weight, min(n, least))
        if not bits:
            raise NothingToDo(
                f"{self.title} found no convolution or linear layer whose weights could get codes. "
                "Skip fewer layers, or remove the step."
            )
        modules, weights = _by_weight(network), {}
        for layer in layers.values():
            if layer.weight in bits and layer.weight not in weights:
                weight, n = array(graph, layer.weight), bits[layer.weight]
                step = step_for_weight(modules[layer.weight], weight, layer.axis, n)
                weights[layer.weight] = _Weight(modules[layer.weight], step, n)
        if self.activation_bits == "float":
            instead = {weight.layer: RoundedLayer(weight.layer, weight.step) for weight in weights.values()}
            return _Learner(network, _with(network, instead), weights, {})
        what = plan(graph, set(layers))
        activations = self._activations(graph, what, bench)
        traced, places = followed(network, graph, what, activations, bench.calibration(FEW))
        return _Learner(
            network, _with(traced, _rounded(traced, places, what, weights, activations)), weights, activations
        )

    def _layers(self, graph: onnx.ModelProto, network: nn.Module) -> dict[str, GraphLayer]:
        """Name -> layer whose weights can get codes: those that the network holds as they are."""
        found = dict(weight_layers(graph)) if self.activation_bits == "float" else integer_layers(graph)
        ours = _by_weight(network)
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

    def _written(self, learner: _Learner, bench: Bench) -> Applied:
        """The file of this moment, as a graph with its codes, and what happened to each layer."""
        graph = _float_graph(learner.network, bench)
        layers = {name: la for name, la in self._layers(graph, learner.network).items() if la.weight in learner.weights}
        encoders = {name: learner.weights[layer.weight].encoder() for name, layer in layers.items()}
        bits = {name: learner.weights[layer.weight].bits for name, layer in layers.items()}
        changes = {name: f"{n} bits per weight, a learned step per channel" for name, n in bits.items()}
        if self.activation_bits == "float":
            encodings = {}
            for name, layer in layers.items():
                if layer.weight not in encodings:
                    encodings[layer.weight] = encoders[name](array(graph, layer.weight), layer.axis, 0.0)
                    store(graph, layer.weight, encodings[layer.weight].decode())
            return Applied(graph, [Change(*pair) for pair in changes.items()], encodings)
        what, dtype = plan(graph, set(layers)), activation_dtype("auto", bench.host)
        grids = {tensor: grid(step, dtype) for tensor, step in learner.activations.items()}
        encodings = write_qdq(graph, what, grids, encoders)
        few = {tensor: step.levels for tensor, step in learner.activations.items() if step.levels < 2**FULL}
        limit_codes(graph, {what.melted.get(tensor, tensor): levels for tensor, levels in few.items()})
        outputs = {maker: learner.activations[tensor] for tensor, maker in what.ranged.items()}
        told = [Change(name, f"{changes[name]}; {_in_words(outputs.get(name))}") for name in what.layers]
        return Applied(graph, told, encodings)


@dataclass(frozen=True)
class _Weight:
    """A layer of the network, the step of its weight, and how many bits that gets."""

    layer: nn.Module
    step: LearnedStep
    bits: int

    def encoder(self) -> Encoder:
        return encoder(self.layer, self.step, self.bits)


@dataclass(frozen=True)
class _Learner:
    """A network and its twin with codes in place, which trains; they share all parameters.

    Attributes:
        weights: weight initializer -> what it is made of.
        activations: tensor with codes of its own -> its step; empty where activations stay floats.
    """

    network: nn.Module
    twin: nn.Module
    weights: dict[str, _Weight]
    activations: dict[str, LearnedStep]

    def hold(self) -> None:
        """Keep every step in its limits, after an update."""
        for step in (*self.activations.values(), *(weight.step for weight in self.weights.values())):
            step.hold()


def _float_graph(network: nn.Module, bench: Bench) -> onnx.ModelProto:
    graph = bench.export(network)
    lift_constants(graph)
    return graph


def _by_weight(network: nn.Module) -> dict[str, nn.Module]:
    """Name of a weight in the graph -> the layer that holds it."""
    named = network.named_modules(remove_duplicate=False)
    return {f"{name}.weight": module for name, module in named if isinstance(module, WITH_WEIGHTS)}


def _rounded(
    traced: fx.GraphModule,
    places: Mapping[str, fx.Node],
    what: Plan,
    weights: Mapping[str, _Weight],
    activations: Mapping[str, LearnedStep],
) -> dict[nn.Module, nn.Module]:
    """Module of the network -> what takes its place, so that weights are rounded, and biases wherever they end up."""
    uses = Counter(layer.weight for layer in what.layers.values())
    instead: dict[nn.Module, nn.Module] = {}
    for layer in what.layers.values():
        own, read = weights[layer.weight], activations[what.codes_of[layer.node.input[0]]]
        place = places.get(layer.node.output[0])
        last = traced.get_submodule(place.target) if place is not None and place.op == "call_module" else None
        folded = isinstance(last, _BatchNorm) and last.affine and last.track_running_stats
        alone = uses[layer.weight] == 1
        instead[own.layer] = RoundedLayer(own.layer, own.step, read if alone and last is own.layer else None)
        if folded and alone:
            instead[last] = RoundedNorm(last, own.layer, own.step, read)
    return instead


def _with(network: nn.Module, instead: Mapping[nn.Module, nn.Module]) -> nn.Module:
    """A twin of the network with other modules in places; parameters and buffers are shared, not copied."""
    shared = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    return copy.deepcopy(network, shared | {id(module): other for module, other in instead.items()})


def _in_words(step: LearnedStep | None) -> str:
    """What a layer puts out, for a Change."""
    if step is None:
        return "puts out floats"
    low, high = (float(end * step.step.detach()) for end in (step.first, step.last))
    return f"puts out {step.levels} levels from {low:.3g} to {high:.3g}"
