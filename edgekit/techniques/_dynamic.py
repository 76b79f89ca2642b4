"""Writing layers as DynamicQuantizeLinear → MatMulInteger or ConvInteger → Cast → Mul by the scales → Add the bias.

In this form ONNX Runtime fuses a matrix product with all of that into one kernel (DynamicQuantizeMatMul).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto, helper

from edgekit.core.encoding import Encoding
from edgekit.models.graphs import (
    array,
    copied,
    drop_unread,
    free_name,
    replace_nodes,
    store,
)
from edgekit.techniques._graph import GraphLayer

MIDDLE = 128  # what unsigned codes are higher by


@dataclass(frozen=True)
class _Draft:
    """A graph while it is written: nodes in order, the integers of each input so far, names in use."""

    graph: onnx.ModelProto
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    rounded: dict[str, list[str]] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def free(self, wish: str) -> str:
        """A name that nothing has yet."""
        return free_name(self.graph, wish, self.taken)

    def add(self, kind: str, inputs: list[str], output: str, **settings) -> str:
        """Write a node; returns its output."""
        self.nodes.append(helper.make_node(kind, inputs, [output], **settings))
        return output


def write_dynamic(
    graph: onnx.ModelProto, layers: Mapping[str, GraphLayer], codes: Mapping[str, Encoding], unsigned: set[str]
) -> None:
    """Rewrite these layers in place; `codes` are signed, and those of the `unsigned` layers are stored 128 higher."""
    draft, by_node = _Draft(graph), {layer.node.output[0]: layer for layer in layers.values()}
    for node in graph.graph.node:
        if layer := by_node.get(node.output[0]):
            _write(draft, layer, codes[layer.name], layer.name in unsigned)
        else:
            draft.nodes.append(copied(node))
    replace_nodes(graph, draft.nodes)
    drop_unread(graph)


def _write(draft: _Draft, layer: GraphLayer, codes: Encoding, unsigned: bool) -> None:
    node, name, kind, settings, along = layer.node, layer.name, "MatMulInteger", {}, (-1,)
    if layer.kind == "Conv":
        kind, settings = "ConvInteger", {a.name: helper.get_attribute_value(a) for a in node.attribute}
        along = (1, -1, *[1] * (codes.codes.ndim - 2))  # channels of (n, channels, height, width)
    inputs, input_scale, input_zero = _rounded_input(draft, node.input[0])
    weight, zero = _store_weight(draft, layer, codes, unsigned)
    scale = draft.free(f"{layer.weight}_scale")
    store(draft.graph, scale, codes.scale.reshape(() if codes.scale.size == 1 else along))
    sums = draft.add(kind, [inputs, weight, input_zero, zero], draft.free(f"{name}_sums"), name=name, **settings)
    scales = draft.add("Mul", [input_scale, scale], draft.free(f"{name}_scales"), name=f"{name}.scales")
    floats = draft.add("Cast", [sums], draft.free(f"{name}_floats"), to=TensorProto.FLOAT)
    if layer.bias is None:
        draft.add("Mul", [floats, scales], node.output[0])
        return
    product = draft.add("Mul", [floats, scales], draft.free(f"{name}_product"))
    bias = layer.bias
    if layer.kind == "Conv":
        values, bias = array(draft.graph, bias).reshape(along), draft.free(f"{name}.bias_along_channels")
        store(draft.graph, bias, values)
    draft.add("Add", [product, bias], node.output[0], name=f"{name}.bias")


def _rounded_input(draft: _Draft, name: str) -> list[str]:
    """Names of the uint8 codes of a tensor, their scale and their zero point; made once for all its readers."""
    if name not in draft.rounded:
        made = [draft.free(f"{name}_{what}") for what in ("codes", "scale", "zero")]
        draft.nodes.append(helper.make_node("DynamicQuantizeLinear", [name], made))
        draft.rounded[name] = made
    return draft.rounded[name]


def _store_weight(draft: _Draft, layer: GraphLayer, codes: Encoding, unsigned: bool) -> tuple[str, str]:
    """Names of the stored codes, laid out as the integer operator wants them, and of their zero point."""
    values = codes.codes
    if unsigned:
        values = (values.astype(np.int16) + MIDDLE).astype(np.uint8)
    if layer.kind == "Gemm" and layer.axis == 0:
        values = values.T  # (in, out): MatMulInteger does not transpose
    store(draft.graph, layer.weight, values)
    zero = "zero_of_unsigned" if unsigned else "zero_of_signed"
    draft.taken.add(zero)
    store(draft.graph, zero, np.asarray(MIDDLE if unsigned else 0, values.dtype))
    return layer.weight, zero
