"""Static 8-bit quantization: weights and activations become small integers whose scales are fixed beforehand.

    w ≈ s_w · code,   x ≈ s_x · (code − z_x),   Σ w x ≈ s_w s_x · Σ code_w (code_x − z_x)

A few hundred training samples without labels are run once, to see what range each activation needs. Weights get one
scale per output channel; biases become 32-bit integers. Convolutions, matrix products, sums and means then run on
integers, at about a quarter of the size and, on processors with VNNI or ARM's dot product, up to three times as fast.
Tables that words are looked up in become integers too, decoded row by row.

Which integers: uint8 activations with int8 weights on x86 (the pair that its instructions multiply), int8 with int8 on
ARM. An x86 processor without VNNI adds pairs of products in 16 bits, which overflow; weights then keep 7 bits.

Two remedies for weights whose channels differ: `equalize` divides a channel by a number and multiplies what the next
layer reads of it, which changes nothing in floats; `bias_correction` lets biases take up the mean error of each layer.
With 16 bits (uint16 activations, int16 weights), hardly anything is lost, but no processor here has kernels for them:
ONNX Runtime turns them back into floats, so the network is no faster, and with int8 weights only smaller.

Costs: one pass of the calibration samples; a rounding error of half a code in every value.
When it fails: activations with rare, huge values (try ranges percentile or mse), depthwise convolutions whose channels
differ widely, transformers, and networks so small that every layer counts (skip the first or the last). Signed
activations on x86 ("int8") leave some convolutions in float.
Reference: Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference", arXiv:1712.05877; ranges: Migacz 2017, "8-bit inference with TensorRT"; equalisation and
bias correction: Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction",
arXiv:1906.04721.
"""

from typing import Annotated, Literal, Self

import numpy as np
import onnx
from pydantic import Field, model_validator

from edgekit.core.bench import Bench
from edgekit.core.encoding import Encoding
from edgekit.core.errors import NothingToDo
from edgekit.core.knobs import Knob
from edgekit.core.opset import raised
from edgekit.core.technique import Applied, Change, Fact, GraphTechnique, Layerwise
from edgekit.models.graphs import lift_constants
from edgekit.techniques._codes import encode
from edgekit.techniques._equalize import equalize, pairs
from edgekit.techniques._in_turn import Way, correct_biases
from edgekit.techniques._plan import integer_layers, with_weights_of_their_own
from edgekit.techniques._qdq import Encoder
from edgekit.techniques._ranges import Grid, Method
from edgekit.techniques._settings import refuse_for_layers
from edgekit.techniques._static import REDUCED_BITS, WHY_REDUCED, Activations, in_words, overflows, to_integers
from edgekit.techniques._tables import tables, write_tables

OPSET_OF_16_BITS = 21


class QuantizeStatic(Layerwise, GraphTechnique):
    """Settings of static 8-bit quantization; see the module docstring."""

    ranges: Annotated[
        Method,
        Knob(help="How much of what an activation was seen to hold gets codes: all of it, or less for finer steps."),
    ] = "minmax"
    samples: Annotated[int, Knob(unit="samples", log=True, help="Training samples to calibrate with.")] = Field(
        256, ge=1, le=4096
    )
    activation_type: Annotated[
        Literal["auto", "uint8", "int8", "uint16"],
        Knob(
            help="Codes of activations; auto takes what this processor multiplies fastest. ONNX Runtime multiplies "
            "uint16 as floats.",
            advanced=True,
        ),
    ] = "auto"
    weight_type: Annotated[
        Literal["int8", "int16"],
        Knob(help="Codes of weights. ONNX Runtime multiplies int16 as floats.", advanced=True),
    ] = "int8"
    equalize: Annotated[
        bool,
        Knob(help="First let layers that follow each other share the differences between channels.", advanced=True),
    ] = False
    bias_correction: Annotated[
        bool, Knob(help="Let biases take up the mean error that rounded weights make, seen on samples.", advanced=True)
    ] = False
    symmetric: Annotated[
        bool, Knob(help="Put zero at the middle code of activations that can be negative.", advanced=True)
    ] = False
    per_channel: Annotated[
        bool, Knob(help="One scale for each output channel of a weight, instead of one for all.", advanced=True)
    ] = True
    percentile: Annotated[
        float, Knob(unit="%", help="With ranges percentile: the share of values that get codes.", advanced=True)
    ] = Field(99.99, ge=90, le=100)
    reduce_range: Annotated[
        Literal["auto", "on", "off"],
        Knob(help="Keep weights to 7 bits, so that 16-bit sums cannot overflow; auto where they could.", advanced=True),
    ] = "auto"

    title, family = "Static 8-bit quantization", "Quantization"
    effect = "A quarter of the file, and faster"
    reference = "Jacob et al. 2018, arXiv:1712.05877"
    needs = frozenset({Fact.FLOAT_WEIGHTS, Fact.FLOAT_ACTIVATIONS, Fact.CALIBRATION_DATA})
    removes = frozenset({Fact.FLOAT_WEIGHTS, Fact.FLOAT_ACTIVATIONS})

    @model_validator(mode="after")
    def _layers_may_differ_in(self) -> Self:
        refuse_for_layers(self.layers, ("ranges", "percentile", "per_channel", "reduce_range"))
        return self

    @model_validator(mode="after")
    def _codes_fit_their_settings(self) -> Self:
        if self.activation_type == "uint16" and self.ranges == "entropy":
            raise ValueError("ranges entropy reckons with 8-bit codes, not uint16; choose minmax, percentile or mse")
        if self.weight_type == "int16" and self.reduce_range == "on":
            raise ValueError("reduce_range on is for 8-bit weights; set weight_type to int8, or reduce_range to auto")
        return self

    def apply(self, graph: onnx.ModelProto, bench: Bench) -> Applied:
        """Write the graph in QDQ form.

        Raises:
            NothingToDo: no layer to quantize.
            ModelError: 16 bits, and a graph too old for them that cannot be raised.
        """
        if "16" in self.activation_type + self.weight_type:
            graph = raised(graph, OPSET_OF_16_BITS, "16-bit integers need", ", or use 8 bits")
        lift_constants(graph)
        settings = {name: self.for_layer(name) for name in integer_layers(graph)}
        layers = with_weights_of_their_own(
            graph, {name: layer for name, layer in integer_layers(graph).items() if settings[name] is not None}
        )
        settings = {name: settings[name] for name in layers}
        if not settings:
            raise NothingToDo(
                f"{self.title} found no convolution or matrix product to quantize. "
                "Skip fewer layers, or remove the step."
            )
        equalized = pairs(graph, layers) if self.equalize else []
        equalize(graph, equalized)
        if self.bias_correction:
            correct_biases(graph, bench.part(0, 0.5), layers, {name: settings[name]._way(bench) for name in layers},
                           self.samples)  # fmt: skip
        done = to_integers(
            graph,
            bench.part(0.5, 1) if self.bias_correction else bench,
            {name: own._encoder(bench) for name, own in settings.items()},
            Activations(self.activation_type, self.symmetric, self.samples, self._method),
        )
        shared = {layer.name: f"; channels equalised with {other.name}"
                  for pair in equalized for layer, other in (pair, pair[::-1])}  # fmt: skip
        changes = [
            own._change(name, bench, done.outputs.get(name), shared.get(name, ""), done.numbers[name])
            for name, own in settings.items()
        ]
        looked_up = tables(graph, lambda name: self.for_layer(name) is not None)
        return Applied(graph, changes + write_tables(graph, looked_up))

    def _method(self, layer: str) -> tuple[Method, float]:
        own = self.for_layer(layer) or self
        return own.ranges, own.percentile

    def _weight_bits(self, bench: Bench) -> int:
        reduced = self.reduce_range == "on" or (self.reduce_range == "auto" and overflows(bench.host))
        if self.weight_type == "int16":
            return 16
        return REDUCED_BITS if reduced else 8

    def _way(self, bench: Bench) -> Way:
        return Way(self._weight_bits(bench), "minmax", "bias", per_channel=self.per_channel)

    def _encoder(self, bench: Bench) -> Encoder:
        def codes(weight: np.ndarray, axis: int, least_scale: np.ndarray) -> Encoding:
            return encode(weight, axis, self._weight_bits(bench), per_channel=self.per_channel, least_scale=least_scale)

        return codes

    def _change(
        self, layer: str, bench: Bench, puts_out: Grid | None, shared: str, numbers: dict[str, float]
    ) -> Change:
        scales = "a scale per channel" if self.per_channel else "one scale"
        why = {"auto": f" ({WHY_REDUCED})", "on": " (7 bits)"}.get(self.reduce_range, "")
        why = why if self._weight_bits(bench) < 8 else ""
        return Change(layer, f"{self.weight_type} weights with {scales}{why}; {in_words(puts_out)}{shared}", numbers)
