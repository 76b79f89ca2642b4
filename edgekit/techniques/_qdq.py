"""Writing a planned graph in QDQ form: QuantizeLinear → DequantizeLinear around float operators, integer weights.

Biases are 32-bit integers whose scale is the input's scale times the weights' scales, so that they can be added to the
raw sums: ONNX Runtime makes an integer convolution of nothing else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import helper

from edgekit.core.encoding import Encoding
from edgekit.models.graphs import (
    array,
    copied,
    drop_unread,
    free_name,
    readers,
    replace_nodes,
    store,
)
from edgekit.techniques._graph import GraphLayer
from edgekit.techniques._plan import Plan
from edgekit.techniques._ranges import Grid

BIAS_REACH = 2.0**30  # a bias code must fit in 32 bits and leave room for the sums

Encoder = Callable[[np.ndarray, int, np.ndarray], Encoding]  # weight, axis, least scales -> codes


@dataclass(frozen=True)
class _Draft:
    """A graph while it is written.

    Attributes:
        nodes: written so far, in order.
        decoded: float tensor -> the DequantizeLinear output that stands for it.
        grid_names: tensor with codes of its own -> names of its scale and zero point.
        weights: weight initializer -> its DequantizeLinear output.
        encodings: weight initializer -> its codes.
        taken: names in use.
    """

    graph: onnx.ModelProto
    plan: Plan
    grids: Mapping[str, Grid]
    encoders: Mapping[str, Encoder]
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    decoded: dict[str, str] = field(default_factory=dict)
    grid_names: dict[str, tuple[str, str]] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)
    encodings: dict[str, Encoding] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def free(self, wish: str) -> str:
        """A name that nothing has yet."""
        return free_name(self.graph, wish, self.taken)


def write_qdq(
    graph: onnx.ModelProto, plan: Plan, grids: Mapping[str, Grid], encoders: Mapping[str, Encoder]
) -> dict[str, Encoding]:
    """Turn `graph` into QDQ form, in place.

    Args:
        grids: codes for each tensor in `plan.ranged`.
        encoders: for each layer in `plan.layers`, how to make the codes of its weights.

    Returns:
        Weight initializer name -> its codes; the initializer of that name now holds them as int8 or int16.
    """
    draft = _Draft(graph, plan, grids, encoders)
    layers = {layer.node.output[0]: layer for layer in plan.layers.values()}
    before = {raw: melted for melted, raw in plan.melted.items()}
    read_by = readers(graph)
    for tensor in graph.graph.input:
        if tensor.name in plan.codes_of:
            _through_codes(draft, tensor.name, tensor.name)
    for node in graph.graph.node:
        if node.output[0] in plan.melted:
            continue
        written = copied(node)
        _read_decoded(draft, node, written)
        if layer := layers.get(node.output[0]):
            _write_weights(draft, layer, written, read_by)
        draft.nodes.append(written)
        for raw in node.output:
            value = before.get(raw, raw)
            if value in plan.codes_of:
                _through_codes(draft, raw, value)
                _keep_output_name(draft, written, raw, value)
    replace_nodes(graph, draft.nodes)
    drop_unread(graph)
    return draft.encodings


def _read_decoded(draft: _Draft, node: onnx.NodeProto, written: onnx.NodeProto) -> None:
    """Let a node read what comes out of the codes, unless both it and what it reads stay float."""
    on_integers = node.output[0] in draft.plan.integer
    for place, name in enumerate(node.input):
        if name in draft.decoded and (on_integers or name in draft.plan.integer):
            written.input[place] = draft.decoded[name]


def _through_codes(draft: _Draft, raw: str, value: str) -> None:
    """QuantizeLinear and DequantizeLinear behind the tensor `raw`; readers of `value` will read what comes out."""
    codes, decoded = draft.free(f"{value}_codes"), draft.free(f"{value}_decoded")
    scale, zero_point = _grid_names(draft, draft.plan.codes_of[value])
    draft.nodes.append(helper.make_node("QuantizeLinear", [raw, scale, zero_point], [codes]))
    draft.nodes.append(helper.make_node("DequantizeLinear", [codes, scale, zero_point], [decoded]))
    draft.decoded[value] = decoded


def _keep_output_name(draft: _Draft, written: onnx.NodeProto, raw: str, value: str) -> None:
    """An output of the graph keeps its name, which now belongs to what comes out of the codes."""
    if value not in {out.name for out in draft.graph.graph.output}:
        return
    quantize, dequantize = draft.nodes[-2:]
    if raw == value:
        inner = draft.free(f"{raw}_float")
        written.output[list(written.output).index(raw)] = inner
        quantize.input[0] = inner
    dequantize.output[0] = value
    draft.decoded[value] = value


def _grid_names(draft: _Draft, tensor: str) -> tuple[str, str]:
    if tensor not in draft.grid_names:
        grid, names = draft.grids[tensor], (draft.free(f"{tensor}_scale"), draft.free(f"{tensor}_zero"))
        store(draft.graph, names[0], np.asarray(grid.scale, np.float32))
        store(draft.graph, names[1], np.asarray(grid.zero_point, grid.dtype))
        draft.grid_names[tensor] = names
    return draft.grid_names[tensor]


def _write_weights(draft: _Draft, layer: GraphLayer, written: onnx.NodeProto, read_by: Mapping[str, list]) -> None:
    """Integer weights and bias for one layer, decoded in front of it."""
    if layer.weight not in draft.weights:
        encoding = draft.encoders[layer.name](
            array(draft.graph, layer.weight), layer.axis, _least_scales(draft, layer.weight)
        )
        draft.encodings[layer.weight] = encoding
        store(draft.graph, layer.weight, encoding.codes)
        draft.weights[layer.weight] = _decoding(
            draft, layer.weight, encoding.scale, layer.axis, with_zeros=layer.kind != "Conv"
        )
    written.input[1] = draft.weights[layer.weight]
    if layer.bias:
        bias, limits = array(draft.graph, layer.bias).astype(np.float64), np.iinfo(np.int32)
        scale = (_input_scale(draft, layer) * draft.encodings[layer.weight].scale).astype(np.float32)  # (channels,)
        codes = np.clip(np.rint(bias / scale), limits.min, limits.max).astype(np.int32)
        name = layer.bias if len(read_by[layer.bias]) == 1 else draft.free(f"{layer.name}.bias")
        store(draft.graph, name, codes)
        written.input[2] = _decoding(draft, name, scale, 0)


def _least_scales(draft: _Draft, weight: str) -> np.ndarray:
    """The smallest weight scales (channels,) at which the biases of all layers with this weight fit in 32 bits.

    They only matter where a channel is all zeros or nearly so, as after pruning.
    """
    sharing = [layer for layer in draft.plan.layers.values() if layer.weight == weight and layer.bias]
    needed = [np.abs(array(draft.graph, la.bias)) / (_input_scale(draft, la) * BIAS_REACH) for la in sharing]
    return np.maximum.reduce(needed) if needed else np.zeros(1)


def _input_scale(draft: _Draft, layer: GraphLayer) -> np.float32:
    return draft.grids[draft.plan.codes_of[layer.node.input[0]]].scale


def _decoding(draft: _Draft, name: str, scale: np.ndarray, axis: int, with_zeros: bool = False) -> str:
    """A DequantizeLinear of stored integers; returns its output's name.

    ONNX Runtime makes an integer Gemm or MatMul only of weights whose zero points are written out.
    """
    shape = () if scale.size == 1 else scale.shape
    inputs = [name, draft.free(f"{name}_scale")]
    store(draft.graph, inputs[1], scale.reshape(shape))
    if with_zeros:
        kind = array(draft.graph, name).dtype
        inputs.append(f"zeros_{scale.size}" if kind == np.int8 else f"{kind}_zeros_{scale.size}")
        draft.taken.add(inputs[-1])
        store(draft.graph, inputs[-1], np.zeros(shape, kind))
    decoded = draft.free(f"{name}_decoded")
    along = {"axis": axis} if shape else {}
    draft.nodes.append(helper.make_node("DequantizeLinear", inputs, [decoded], **along))
    return decoded
