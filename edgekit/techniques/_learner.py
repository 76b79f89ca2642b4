"""A network and its twin, which computes with codes and trains, and the file that both will be.

The twin shares all parameters with the network. So whatever it learns, the network can be exported as ever, folded, and
the learned codes take the place of its weights.
"""

import copy
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx
from torch import fx, nn
from torch.nn.modules.batchnorm import _BatchNorm

from edgekit.core.bench import Bench
from edgekit.core.encoding import Encoding
from edgekit.models.graphs import array, lift_constants, store
from edgekit.techniques._fake_quant import LearnedStep, RoundedLayer, RoundedNorm
from edgekit.techniques._follow import followed
from edgekit.techniques._graph import weight_layers
from edgekit.techniques._layers import WITH_WEIGHTS
from edgekit.techniques._learned_codes import encoder, grid, limit_codes
from edgekit.techniques._plan import Plan, plan
from edgekit.techniques._qdq import Encoder, write_qdq

FEW = 8  # samples to find tensors again with
ALL_CODES = 256


@dataclass(frozen=True)
class RoundedWeight:
    """A layer of the network, the step of its weight, and how many bits that gets."""

    layer: nn.Module
    step: LearnedStep
    bits: int

    def encoder(self) -> Encoder:
        """Its learned codes, for the weight as a graph holds it."""
        return encoder(self.layer, self.step, self.bits)


@dataclass(frozen=True)
class Learner:
    """A network and its twin with codes in place, which trains; they share all parameters.

    Attributes:
        layers: name of each node that works with codes -> its weight initializer.
        weights: weight initializer -> what it is made of.
        activations: tensor with codes of its own -> its step; empty where activations stay floats.
        outputs: layer or node -> the tensor in `activations` that it puts out.
    """

    network: nn.Module
    twin: nn.Module
    layers: dict[str, str]
    weights: dict[str, RoundedWeight]
    activations: dict[str, LearnedStep] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)

    def hold(self) -> None:
        """Keep every step in its limits, after an update."""
        for step in (*self.activations.values(), *(weight.step for weight in self.weights.values())):
            step.hold()

    def written(
        self, bench: Bench, dtype: type[np.uint8] | type[np.int8]
    ) -> tuple[onnx.ModelProto, dict[str, Encoding]]:
        """The file of this moment as a graph, and weight initializer -> its codes. `dtype` is that of activations."""
        graph = float_graph(self.network, bench)
        if not self.activations:
            return graph, self._decoded_in_place(graph)
        what = plan(graph, set(self.layers))
        encoders = {name: self.weights[weight].encoder() for name, weight in self.layers.items()}
        grids = {tensor: grid(step, dtype) for tensor, step in self.activations.items()}
        encodings = write_qdq(graph, what, grids, encoders)
        few = {tensor: step.levels for tensor, step in self.activations.items() if step.levels < ALL_CODES}
        limit_codes(graph, {what.melted.get(tensor, tensor): levels for tensor, levels in few.items()})
        return graph, encodings

    def _decoded_in_place(self, graph: onnx.ModelProto) -> dict[str, Encoding]:
        axes = {layer.weight: layer.axis for _, layer in weight_layers(graph)}
        encodings = {}
        for name, weight in self.weights.items():
            encodings[name] = weight.encoder()(array(graph, name), axes[name], 0.0)
            store(graph, name, encodings[name].decode())
        return encodings


def with_weights(network: nn.Module, layers: dict[str, str], weights: dict[str, RoundedWeight]) -> Learner:
    """A learner whose activations stay floats; see Learner."""
    instead = {weight.layer: RoundedLayer(weight.layer, weight.step) for weight in weights.values()}
    return Learner(network, _with(network, instead), layers, weights)


def with_activations(
    network: nn.Module,
    graph: onnx.ModelProto,
    what: Plan,
    weights: dict[str, RoundedWeight],
    activations: dict[str, LearnedStep],
    bench: Bench,
) -> Learner:
    """A learner with codes for activations too; see Learner.

    Args:
        graph: the network's float graph.
        what: which parts of it work on integers.

    Raises:
        ModelError: the network's calls could not be followed.
    """
    traced, places = followed(network, graph, what, activations, bench.calibration(FEW))
    twin = _with(traced, _rounded(traced, places, what, weights, activations))
    layers = {name: layer.weight for name, layer in what.layers.items()}
    outputs = {maker: tensor for tensor, maker in what.ranged.items()}
    return Learner(network, twin, layers, weights, activations, outputs)


def float_graph(network: nn.Module, bench: Bench) -> onnx.ModelProto:
    """The network's graph without Constant nodes."""
    graph = bench.export(network)
    lift_constants(graph)
    return graph


def by_weight(network: nn.Module) -> dict[str, nn.Module]:
    """Name of a weight in the graph -> the layer that holds it."""
    named = network.named_modules(remove_duplicate=False)
    return {f"{name}.weight": module for name, module in named if isinstance(module, WITH_WEIGHTS)}


def _rounded(
    traced: fx.GraphModule,
    places: Mapping[str, fx.Node],
    what: Plan,
    weights: Mapping[str, RoundedWeight],
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
