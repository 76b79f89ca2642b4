"""Dynamic 8-bit quantization: weights are integers in the file; activations become integers as each batch passes.

    y ≈ s_x s_w · Σ code_w (code_x − z_x) + b,   with s_x and z_x from the smallest and largest x of this very batch

No calibration data is needed, and no range can be chosen badly. It suits networks of matrix products (LeNet-5's linear
layers, transformers), which is why only those are converted unless convolutions are asked for. Recurrent weights are
stored as integers too, and computed with as floats: ONNX Runtime has no integer GRU. Tables that words are looked up in
are stored as integers, and decoded row by row.

Costs: each layer looks through its input once more, to find the range.
When it fails: on most convolutions: ONNX Runtime's ConvInteger slowed ResNet-8 down by two thirds, so set
`convolutions` for the size, and measure. It has no signed form: their weights are stored unsigned, 128 higher. Results
depend a little on what else is in the batch, which shares one range.
Reference: Krishnamoorthi 2018, "Quantizing deep convolutional networks for efficient inference", arXiv:1806.08342;
ONNX operators DynamicQuantizeLinear, MatMulInteger and ConvInteger.
"""

from typing import Annotated, Literal, Self

import onnx
from pydantic import model_validator

from edgekit.core.bench import Bench
from edgekit.core.errors import NothingToDo
from edgekit.core.knobs import Knob
from edgekit.core.technique import Applied, Change, Fact, GraphTechnique, Layerwise
from edgekit.models.graphs import array, lift_constants
from edgekit.techniques._codes import encode
from edgekit.techniques._dynamic import write_dynamic
from edgekit.techniques._graph import GraphLayer
from edgekit.techniques._plan import integer_layers, with_weights_of_their_own
from edgekit.techniques._recurrent import recurrent_weights, write_recurrent
from edgekit.techniques._settings import refuse_for_layers
from edgekit.techniques._static import REDUCED_BITS, WHY_REDUCED, overflows
from edgekit.techniques._tables import tables, write_tables


class QuantizeDynamic(Layerwise, GraphTechnique):
    """Settings of dynamic 8-bit quantization; see the module docstring."""

    convolutions: Annotated[bool, Knob(help="Convert convolutions too: smaller, but slower than float.")] = False
    per_channel: Annotated[
        bool, Knob(help="One scale for each output channel of a weight, instead of one for all.", advanced=True)
    ] = True
    weight_type: Annotated[
        Literal["int8", "uint8"],
        Knob(
            help="Codes of matrix weights, the unsigned ones 128 higher; convolutions have only these.", advanced=True
        ),
    ] = "int8"

    title, family = "Dynamic 8-bit quantization", "Quantization"
    effect = "Smaller file; faster matrix products, slower convolutions"
    reference = "Krishnamoorthi 2018, arXiv:1806.08342"
    needs = frozenset({Fact.FLOAT_WEIGHTS, Fact.FLOAT_ACTIVATIONS})
    removes = frozenset({Fact.FLOAT_WEIGHTS, Fact.FLOAT_ACTIVATIONS})

    @model_validator(mode="after")
    def _layers_may_differ_in(self) -> Self:
        refuse_for_layers(self.layers, ("per_channel", "weight_type"))
        return self

    def apply(self, graph: onnx.ModelProto, bench: Bench) -> Applied:
        """Convert the layers. Raises NothingToDo if there is no matrix product, and convolutions were not asked for."""
        lift_constants(graph)
        layers = with_weights_of_their_own(graph, self._chosen(graph))
        recurrent = recurrent_weights(graph, lambda name: self.for_layer(name) is not None)
        looked_up = tables(graph, lambda name: self.for_layer(name) is not None)
        if not layers and not recurrent and not looked_up:
            raise NothingToDo(
                f"{self.title} found no matrix product to convert. Set convolutions to convert those, skip fewer "
                "layers, or remove the step; quantize_static makes convolutions fast."
            )
        unsigned = {n for n, one in layers.items() if one.kind == "Conv" or self.for_layer(n).weight_type == "uint8"}
        codes, changes = {}, []
        for name, layer in bench.each(layers.items()):
            own = self.for_layer(name)
            bits = REDUCED_BITS if name not in unsigned and overflows(bench.host) else 8
            codes[name] = encode(array(graph, layer.weight), layer.axis, bits, per_channel=own.per_channel)
            changes.append(own._change(name, bits, name in unsigned))
        write_dynamic(graph, layers, codes, unsigned)
        changes += write_recurrent(graph, recurrent)
        return Applied(graph, changes + write_tables(graph, looked_up))

    def _chosen(self, graph: onnx.ModelProto) -> dict[str, GraphLayer]:
        layers = {name: one for name, one in integer_layers(graph).items() if self.for_layer(name) is not None}
        return {name: one for name, one in layers.items() if self.convolutions or one.kind != "Conv"}

    def _change(self, name: str, bits: int, unsigned: bool) -> Change:
        scales = "a scale per channel" if self.per_channel else "one scale"
        why = f" ({WHY_REDUCED})" if bits < 8 else ""
        return Change(
            name, f"{'uint8' if unsigned else 'int8'} weights with {scales}{why}; inputs rounded batch by batch"
        )
