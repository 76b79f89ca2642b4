"""Low-bit weights: n bits for every weight and one scale per output channel.  w ≈ s · code, code in [−2ⁿ⁻¹, 2ⁿ⁻¹ − 1]

The codes are stored packed, n bits each, and decoded by the graph itself when a runtime loads it. With float
activations the network then runs as if it had float weights: smaller on disk, as fast as before. With 8-bit activations
it runs on integers, as fast as plain 8-bit quantization and smaller.

The scale of each channel is the one with the least squared error (clipping "mse"): below 4 bits, reaching the largest
weight ("minmax") leaves almost nothing of the rest. Rounding is "compensated" (GPTQ): weight after weight, those still
to come are moved to make up for the error on inputs that really occur, which calibration samples show. It saves most
of the accuracy: ResNet-8 lost 0.4 points at 4 bits with it and 3.8 without, at 3 bits 1.6 and 43. By custom (DoReFa,
PACT, LSQ), the first and the last layer, which have few weights and lose most, keep 8 bits; set `edge_bits` to change
that, or give a layer its own `bits`.

Costs: nothing at run time; loading decodes once, some 10 ms. Compensation takes a fraction of a second for small
networks and grows with the cube of a layer's inputs; 7 and 8 bits, grouped and transposed convolutions go without.
When it fails: at 2 bits small networks lose 20 points or more unless they are trained for it; larger, over-complete
layers (LeNet-5's) stand it. Weights alone buy no speed, only size.
Reference: Frantar et al. 2022, "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers",
arXiv:2210.17323; scales: Choukroun et al. 2019, "Low-bit Quantization of Neural Networks for Efficient Inference",
arXiv:1902.06822; edges: Zhou et al. 2016, "DoReFa-Net", arXiv:1606.06160.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import partial
from typing import Annotated, Literal, Self

import numpy as np
import onnx
from pydantic import Field, model_validator

from edgekit.core.bench import Bench
from edgekit.core.encoding import Encoding
from edgekit.core.errors import NothingToDo
from edgekit.core.knobs import Knob
from edgekit.core.technique import Applied, Change, Fact, GraphTechnique, Layerwise
from edgekit.techniques._codes import Clipping, encode, nearest
from edgekit.techniques._compensate import can_compensate, compensated, second_moments
from edgekit.techniques._graph import GraphLayer, array, lift_constants, store, weight_layers
from edgekit.techniques._plan import integer_layers
from edgekit.techniques._qdq import Encoder
from edgekit.techniques._ranges import Method
from edgekit.techniques._settings import refuse_for_layers
from edgekit.techniques._static import REDUCED_BITS, Activations, in_words, overflows, to_integers

FINE = 7  # bits from which rounding each weight by itself is as good


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
        Literal["compensated", "nearest"],
        Knob(help="Let weights make up for the rounding of others, on calibration data, or round each by itself."),
    ] = "compensated"
    ranges: Annotated[
        Method, Knob(help="With 8-bit activations: how much of what one was seen to hold gets codes.", advanced=True)
    ] = "minmax"
    samples: Annotated[
        int, Knob(unit="samples", log=True, help="Training samples to calibrate with.", advanced=True)
    ] = Field(128, ge=1, le=4096)

    title, family = "Low-bit weights", "Quantization"
    reference = "Frantar et al. 2022, arXiv:2210.17323"

    @property
    def needs(self) -> frozenset[Fact]:
        """Calibration data, unless weights are rounded each by itself and activations stay as they are."""
        facts = {Fact.FLOAT_WEIGHTS}
        if self.activations == "int8":
            facts |= {Fact.FLOAT_ACTIVATIONS, Fact.CALIBRATION_DATA}
        if self.rounding == "compensated":
            facts |= {Fact.CALIBRATION_DATA}
        return frozenset(facts)

    @property
    def removes(self) -> frozenset[Fact]:
        """Float activations stay where they were asked to."""
        weights = frozenset({Fact.FLOAT_WEIGHTS})
        return weights | {Fact.FLOAT_ACTIVATIONS} if self.activations == "int8" else weights

    @model_validator(mode="after")
    def _layers_may_differ_in(self) -> Self:
        refuse_for_layers(self.layers, ("bits", "clipping", "rounding", "ranges"))
        return self

    def apply(self, graph: onnx.ModelProto, bench: Bench) -> Applied:
        """Round the weights. Raises NothingToDo if there is no layer whose weights could be rounded."""
        lift_constants(graph)
        layers = dict(weight_layers(graph)) if self.activations == "float" else integer_layers(graph)
        bits = {name: n for name, n in self._bits(list(dict(weight_layers(graph)))).items() if name in layers}
        if not bits:
            raise NothingToDo(
                f"{self.title} found no convolution or matrix product with weights. "
                "Skip fewer layers, or remove the step."
            )
        if self.activations == "int8" and overflows(bench.host):
            bits = {name: min(n, REDUCED_BITS) for name, n in bits.items()}
        encoders = self._encoders(graph, bench.part(0, 0.5), {name: layers[name] for name in bits}, bits)
        writing = bench.part(0.5, 1)
        if self.activations == "float":
            encodings = _decoded_in_place(graph, writing, {name: layers[name] for name in bits}, encoders)
            return Applied(graph, [Change(name, _in_words(n)) for name, n in bits.items()], encodings)
        done = to_integers(graph, writing, encoders, Activations("auto", False, self.samples, self._method))
        changes = [Change(name, f"{_in_words(n)}; {in_words(done.outputs.get(name))}") for name, n in bits.items()]
        return Applied(graph, changes, done.encodings)

    def _bits(self, names: list[str]) -> dict[str, int]:
        """Bits of every layer that is not skipped; its own setting wins over the rule for the edges."""
        found = {}
        for name in names:
            own = self.for_layer(name)
            if own is None:
                continue
            asked = any("bits" in values and fnmatchcase(name, pattern) for pattern, values in self.layers.items())
            edge = name in (names[0], names[-1]) and not asked
            found[name] = max(own.bits, self.edge_bits) if edge else own.bits
        return found

    def _method(self, layer: str) -> tuple[Method, float]:
        return (self.for_layer(layer) or self).ranges, 99.99

    def _encoders(
        self, graph: onnx.ModelProto, bench: Bench, layers: Mapping[str, GraphLayer], bits: Mapping[str, int]
    ) -> dict[str, Encoder]:
        """For each layer how to make its codes. Those of few bits look at the layer's inputs first."""
        fitted = {
            name: layer
            for name, layer in layers.items()
            if self.for_layer(name).rounding == "compensated" and bits[name] < FINE and can_compensate(graph, layer)
        }
        moments: dict[str, np.ndarray] = {}
        if fitted:
            moments = second_moments(graph, fitted, bench.calibration(self.samples), bench.seed, bench.progress)
        return {name: self.for_layer(name)._encoder(n, moments.get(name)) for name, n in bits.items()}

    def _encoder(self, bits: int, moment: np.ndarray | None) -> Encoder:
        rounding = nearest if moment is None else partial(compensated, moment=moment)

        def codes(weight: np.ndarray, axis: int, least_scale: np.ndarray | float = 0.0) -> Encoding:
            return encode(weight, axis, bits, clipping=self.clipping, least_scale=least_scale, rounding=rounding)

        return codes


def _decoded_in_place(
    graph: onnx.ModelProto, bench: Bench, layers: Mapping[str, GraphLayer], encoders: Mapping[str, Encoder]
) -> dict[str, Encoding]:
    """Replace each weight by what its codes decode to; a weight that layers share is encoded once."""
    encodings: dict[str, Encoding] = {}
    for name, layer in bench.each(layers.items()):
        if layer.weight not in encodings:
            encodings[layer.weight] = encoders[name](array(graph, layer.weight), layer.axis, 0.0)
            store(graph, layer.weight, encodings[layer.weight].decode())
    return encodings


def _in_words(bits: int) -> str:
    return f"{bits} bits per weight, a scale per channel"
