"""Low-bit weights: n bits for every weight and one scale per output channel.  w ≈ s · code, code in [−2ⁿ⁻¹, 2ⁿ⁻¹ − 1]

The codes are stored packed, n bits each, and decoded by the graph itself when a runtime loads it. With float
activations the network then runs as if it had float weights: smaller on disk, as fast as before. With 8-bit activations
it runs on integers, as fast as plain 8-bit quantization and smaller.

The scale of each channel is the one with the least squared error (clipping "mse"): below 4 bits, reaching the largest
weight ("minmax") leaves almost nothing of the rest. With float activations a scale may serve only `group_size`
neighbours, zero may lie elsewhere than in the middle (`symmetric` off), and the values may come from a codebook, by
k-means or of sums of powers of two.

Rounding, in order of the time it takes: "nearest" rounds each weight by itself. "compensated" goes layer after layer:
first a layer's weights move to make up for what rounding the layers before it did to its inputs, then weight after
weight is rounded and those still to come make up for the error (GPTQ); the bias takes up the mean error that is left.
"adaround" and "reconstructed" compare what each block of layers puts out with what it did, and learn by gradients: the
first which way to round each weight, the second weights, scales and biases by straight-through rounding. None of them
sees a label. By custom (DoReFa, PACT, LSQ), the first and the last layer, which have few weights and lose most, keep 8
bits; set `edge_bits` to change that, or give a layer its own `bits`.

Points lost on the CIFAR-10 test set with 8-bit activations, at 4, 3 and 2 bits:

    ResNet-8   nearest 3.9, 43, 75   compensated 0.3, 0.7, 6.2   reconstructed 0.2, 1.0, 3.0
    ResNet-20  nearest 2.0, 24, 81   compensated 0.3, 0.6, 4.2   reconstructed 0.2, 0.4, 1.6

Costs: nothing at run time; loading decodes once, some 10 ms. Compensation takes a fraction of a second for small
networks and grows with the cube of a layer's inputs; 7 and 8 bits and transposed convolutions go without. Learning
takes `rounds` updates a block, on eight times as many samples.
When it fails: at 2 bits small networks lose a few points unless they are trained for it. Weights alone buy no speed,
only size.
Reference: Frantar et al. 2022, "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers",
arXiv:2210.17323; earlier layers: Li et al. 2025, "GPTAQ", arXiv:2504.02692; learning: Nagel et al. 2020, "Up or Down?
Adaptive Rounding for Post-Training Quantization", arXiv:2004.10568, Li et al. 2021, "BRECQ", arXiv:2102.05426, Esser et
al. 2020, "Learned Step Size Quantization", arXiv:1902.08153; scales: Choukroun et al. 2019, arXiv:1902.06822; powers of
two: Li et al. 2020, arXiv:1909.13144; edges: Zhou et al. 2016, "DoReFa-Net", arXiv:1606.06160.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal, Self

import numpy as np
import onnx
from pydantic import Field, model_validator

from edgekit.core.bench import Bench
from edgekit.core.encoding import Encoding, Stored
from edgekit.core.errors import NothingToDo
from edgekit.core.knobs import Knob
from edgekit.core.technique import Applied, Change, Fact, GraphTechnique, Layerwise
from edgekit.models.graphs import lift_constants, shape_of
from edgekit.techniques._codes import Clipping, nearest
from edgekit.techniques._compensate import can_compensate
from edgekit.techniques._graph import GraphLayer, weight_layers
from edgekit.techniques._in_turn import FINE, Way, round_each, round_in_turn, rows_of
from edgekit.techniques._levels import Values, in_shape
from edgekit.techniques._plan import integer_layers, with_weights_of_their_own
from edgekit.techniques._qdq import Encoder
from edgekit.techniques._ranges import Method
from edgekit.techniques._reconstruct import MORE_SAMPLES, reconstruct
from edgekit.techniques._settings import bits_of_layers, refuse_for_layers
from edgekit.techniques._static import REDUCED_BITS, Activations, in_words, overflows, to_integers


class QuantizeWeights(Layerwise, GraphTechnique):
    """Settings of low-bit weights; see the module docstring."""

    bits: Annotated[int, Knob(unit="bits", step=1, help="Bits kept of every weight.")] = Field(4, ge=2, le=8)
    activations: Annotated[
        Literal["float", "int8"],
        Knob(help="Keep activations as floats, or make them 8-bit integers too, which makes the network faster."),
    ] = "float"
    edge_bits: Annotated[
        int, Knob(unit="bits", step=1, help="Bits of the first and the last layer, if more than bits.", advanced=True)
    ] = Field(8, ge=2, le=8)
    clipping: Annotated[
        Clipping,
        Knob(help="Scale with the least squared error, or the scale that reaches the largest weight.", advanced=True),
    ] = "mse"
    rounding: Annotated[
        Literal["compensated", "nearest", "adaround", "reconstructed"],
        Knob(
            help="Round each weight by itself, let weights make up for the rounding of others on calibration data, or "
            "learn, block by block, to put out what the float network does, which takes longest and loses least."
        ),
    ] = "compensated"
    group_size: Annotated[
        int,
        Knob(unit="weights", step=16, help="Neighbours that share a scale; 0 for all of a channel.", advanced=True),
    ] = Field(0, ge=0, le=256)
    symmetric: Annotated[
        bool, Knob(help="Zero in the middle of the codes, or a zero point for each scale.", advanced=True)
    ] = True
    values: Annotated[
        Values,
        Knob(help="Evenly spaced values, or a codebook for each layer: by k-means, or powers of two.", advanced=True),
    ] = "uniform"
    rounds: Annotated[
        int, Knob(unit="updates", log=True, help="To learn by: how many for each block of layers.", advanced=True)
    ] = Field(300, ge=10, le=20_000)
    ranges: Annotated[
        Method, Knob(help="With 8-bit activations: how much of what one was seen to hold gets codes.", advanced=True)
    ] = "minmax"
    samples: Annotated[
        int,
        Knob(
            unit="samples",
            log=True,
            advanced=True,
            help="Training samples to calibrate with; eight times these to learn.",
        ),
    ] = Field(128, ge=1, le=4096)

    title, family = "Low-bit weights", "Quantization"
    effect = "Smaller file; faster only with 8-bit activations"
    reference = "Frantar et al. 2022, arXiv:2210.17323"

    @property
    def needs(self) -> frozenset[Fact]:
        """Calibration data, unless weights are rounded each by itself and activations stay as they are."""
        facts = {Fact.FLOAT_WEIGHTS}
        if self.activations == "int8":
            facts |= {Fact.FLOAT_ACTIVATIONS, Fact.CALIBRATION_DATA}
        if self.rounding != "nearest":
            facts |= {Fact.CALIBRATION_DATA}
        return frozenset(facts)

    @property
    def removes(self) -> frozenset[Fact]:
        """Float activations stay where they were asked to."""
        weights = frozenset({Fact.FLOAT_WEIGHTS})
        return weights | {Fact.FLOAT_ACTIVATIONS} if self.activations == "int8" else weights

    @model_validator(mode="after")
    def _layers_may_differ_in(self) -> Self:
        refuse_for_layers(self.layers, ("bits", "clipping", "rounding", "ranges", "group_size", "symmetric", "values"))
        for pattern, values in self.layers.items():
            if values.get("rounding", self.rounding) not in ("nearest", self.rounding):
                raise ValueError(
                    f"layers['{pattern}'] cannot have rounding '{values['rounding']}' in a network with rounding "
                    f"'{self.rounding}'; a layer may have 'nearest' or what the network has"
                )
        return self

    @model_validator(mode="after")
    def _can_be_stored(self) -> Self:
        if 0 < self.group_size < 16:
            raise ValueError(f"group_size must be 0, for a scale per channel, or from 16 to 256; got {self.group_size}")
        plain = {"group_size": 0, "symmetric": True, "values": "uniform"}
        odd = [f"{name} {getattr(self, name)}" for name, value in plain.items() if getattr(self, name) != value]
        if odd and self.activations == "int8":
            raise ValueError(
                f"{' and '.join(odd)} cannot go with activations int8: integer products need evenly spaced symmetric "
                "weights with one scale per channel. Set activations to float"
            )
        if self.values != "uniform" and len(odd) > 1:
            raise ValueError(f"values {self.values} go with one scale per channel and no zero points, not {odd[0]}")
        if self.values != "uniform" and self.rounding == "adaround":
            raise ValueError(f"rounding adaround needs evenly spaced values, not {self.values}; try reconstructed")
        return self

    def apply(self, graph: onnx.ModelProto, bench: Bench) -> Applied:
        """Round the weights. Raises NothingToDo if there is no layer whose weights could be rounded."""
        lift_constants(graph)
        bits = bits_of_layers(self, list(dict(weight_layers(graph))))
        if self.activations == "float":
            layers = {name: layer for name, layer in weight_layers(graph) if name in bits}
        else:
            layers = {name: layer for name, layer in integer_layers(graph).items() if name in bits}
            layers = with_weights_of_their_own(graph, layers)
            most = REDUCED_BITS if overflows(bench.host) else 8
            bits = {name: min(n, most) for name, n in bits.items()}
        if not layers:
            raise NothingToDo(
                f"{self.title} found no convolution or matrix product with weights. "
                "Skip fewer layers, or remove the step."
            )
        ways = {name: self._way(name, bits[name]) for name in layers}
        words = {name: _in_words(ways[name], layer, shape_of(graph, layer.weight)) for name, layer in layers.items()}
        encodings = self._round(graph, bench.part(0, 1 if self.activations == "float" else 0.6), layers, ways)
        if self.activations == "float":
            return Applied(graph, [Change(name, what) for name, what in words.items()], encodings)
        encoders = {name: _known(encodings[layer.weight]) for name, layer in layers.items()}
        done = to_integers(graph, bench.part(0.6, 1), encoders, Activations("auto", False, self.samples, self._method))
        changes = [
            Change(name, f"{what}; {in_words(done.outputs.get(name))}", done.numbers[name])
            for name, what in words.items()
        ]
        return Applied(graph, changes, done.encodings)

    def _method(self, layer: str) -> tuple[Method, float]:
        return (self.for_layer(layer) or self).ranges, 99.99

    def _way(self, name: str, bits: int) -> Way:
        own = self.for_layer(name)
        return Way(bits, own.clipping, own.rounding, own.group_size, own.symmetric, own.values)

    def _round(
        self, graph: onnx.ModelProto, bench: Bench, layers: Mapping[str, GraphLayer], ways: Mapping[str, Way]
    ) -> dict[str, Stored]:
        """Round the weights in place. Samples are only looked at where some layer has few bits."""
        if not any(way.rounding != "nearest" and way.bits < FINE and can_compensate(graph, layers[name])
                   for name, way in ways.items()):  # fmt: skip
            return round_each(graph, bench, layers, ways)
        if self.rounding == "compensated":
            return round_in_turn(graph, bench, layers, ways, self.samples)
        return reconstruct(graph, bench, layers, ways, MORE_SAMPLES * self.samples, self.rounds)


def _known(encoding: Encoding) -> Encoder:
    """Gives these codes again; where a scale must not be so small, the nearest ones at the least that is allowed."""

    def codes(weight: np.ndarray, axis: int, least_scale: np.ndarray) -> Encoding:
        if (encoding.scale >= least_scale).all():
            return encoding
        scale = np.maximum(encoding.scale, least_scale).astype(np.float32)
        ends = -(2 ** (encoding.bits - 1)), 2 ** (encoding.bits - 1) - 1
        rounded = nearest(rows_of(weight, axis), scale, *ends).astype(np.int8)
        return replace(encoding, codes=in_shape(rounded, weight.shape, axis), scale=scale)

    return codes


def _in_words(way: Way, layer: GraphLayer, shape: tuple[int, ...]) -> str:
    inputs = int(np.prod(shape)) // shape[layer.axis]
    if way.values != "uniform":
        return f"{way.bits} bits per weight for values {'by k-means' if way.values == 'kmeans' else 'of powers of two'}"
    shared = "channel"
    if way.group:
        fits = inputs % way.group == 0
        shared = f"{way.group} weights" if fits else f"channel, as {way.group} does not divide its {inputs} inputs"
    return f"{way.bits} bits per weight, {'a scale' if way.symmetric else 'a scale and a zero point'} per {shared}"
