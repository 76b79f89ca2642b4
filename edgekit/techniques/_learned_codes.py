"""Steps to learn for the weights and activations of a network: where they begin, and the integers they end up as.

A step is learned for each weight as the network holds it. The graph holds it folded: batch normalisation multiplied
each of its channels by a gain. Codes stay the same under that, and the step is multiplied by the gain, so normalisation
can go on learning. Where a gain is negative, codes change their sign; the range of such a channel is mirrored from the
start, so that every code has its opposite.
"""

from collections.abc import Mapping

import numpy as np
import onnx
import torch
from onnx import helper
from torch import nn

from edgekit.core.encoding import Encoding
from edgekit.models.graphs import copied, free_name, replace_nodes, store
from edgekit.techniques._codes import SMALLEST, encode
from edgekit.techniques._fake_quant import LearnedStep
from edgekit.techniques._qdq import Encoder
from edgekit.techniques._ranges import Grid, Seen

VALUES = 2**14  # of an activation, to find its first step with
SHARES = np.linspace(1, 0.1, 46)  # of the widest range, tried


def step_for_weight(layer: nn.Module, folded: np.ndarray, axis: int, bits: int) -> LearnedStep:
    """A step for each output channel: the one with the least squared error.

    Args:
        folded: the layer's weight in the graph, whose output channels are along `axis`.
    """
    channels, weight = _channel_axis(layer), layer.weight.detach().numpy()
    signs = np.where(gains(weight, channels, folded, axis) < 0, -1, 1)  # (channels,)
    along = [-1 if place == channels else 1 for place in range(weight.ndim)]
    step = encode(weight * signs.reshape(along), channels, bits, clipping="mse").scale
    ends = np.array([-(2 ** (bits - 1)), 2 ** (bits - 1) - 1])
    first, last = np.sort(signs[:, None] * ends, axis=1).T
    return LearnedStep(torch.from_numpy(step), torch.from_numpy(first), torch.from_numpy(last), channels)


def step_for_activation(seen: Seen, bits: int, most: float = np.inf) -> LearnedStep:
    """One step for a tensor: of the shares of its range that are tried, the one with the least squared error.

    Args:
        most: the largest value that the tensor can hold.
    """
    low, high, levels = min(seen.low, 0.0), max(seen.high, 0.0), 2**bits - 1
    widest = (high - low) / levels or 1.0
    first = round(low / widest)
    last = first + levels
    values = seen.values[:: len(seen.values) // VALUES | 1]
    steps = [widest * share for share in SHARES]
    errors = [np.square(np.clip(np.rint(values / s), first, last) * s - values).sum() for s in steps]
    best = steps[int(np.argmin(errors))]
    return LearnedStep(torch.tensor([best]), torch.tensor([first]), torch.tensor([last]), most=most)


def encoder(layer: nn.Module, step: LearnedStep, bits: int) -> Encoder:
    """The learned codes of a layer's weight, for the weight as a graph holds it."""

    def codes(folded: np.ndarray, axis: int, least_scale: np.ndarray | float = 0.0) -> Encoding:
        weight = layer.weight.detach()
        folding = gains(weight.numpy(), step.channels, folded, axis)  # (channels,)
        learned = np.abs(folding) * step.step.detach().numpy()
        scale = np.maximum(learned, np.maximum(least_scale, SMALLEST)).astype(np.float32)
        rows = _rows(step.codes(weight).numpy(), step.channels)  # (channels, rest)
        # Where a channel is as good as zero its scale is not the learned one, and codes follow.
        rows = np.rint(rows * (np.sign(folding) * learned / scale)[:, None])
        rows = np.clip(rows, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1).astype(np.int8)
        placed = np.moveaxis(rows.reshape(np.moveaxis(folded, axis, 0).shape), 0, axis)
        return Encoding(np.ascontiguousarray(placed), scale, np.zeros(len(scale), np.int8), bits, axis)

    return codes


def grid(step: LearnedStep, dtype: type[np.uint8] | type[np.int8]) -> Grid:
    """The learned codes of an activation as integers; the lowest is the lowest of `dtype`."""
    return Grid(np.float32(step.step.item()), int(np.iinfo(dtype).min) - int(step.first.item()), dtype)


def limit_codes(graph: onnx.ModelProto, levels: Mapping[str, int]) -> None:
    """Keep the codes of some tensors to as many as they have levels: right after they are made, as integers.

    So ONNX Runtime still finds 8-bit codes behind its integer operators.

    Args:
        graph: in QDQ form, changed in place.
        levels: tensor that a QuantizeLinear reads -> how many of its codes are used, from the lowest up.
    """
    nodes, taken, highest = [], set[str](), dict[int, str]()
    zeros = {tensor.name: tensor.data_type for tensor in graph.graph.initializer}
    for node in map(copied, graph.graph.node):
        nodes.append(node)
        if node.op_type == "QuantizeLinear" and node.input[0] in levels:
            count, codes = levels[node.input[0]], node.output[0]
            if count not in highest:
                highest[count] = free_name(graph, f"highest_of_{count}", taken)
                dtype = helper.tensor_dtype_to_np_dtype(zeros[node.input[2]])
                store(graph, highest[count], np.array(np.iinfo(dtype).min + count - 1, dtype))
            node.output[0] = free_name(graph, f"{codes}_unlimited", taken)
            nodes.append(helper.make_node("Clip", [node.output[0], "", highest[count]], [codes]))
    replace_nodes(graph, nodes)


def gains(weight: np.ndarray, channels: int, folded: np.ndarray, axis: int) -> np.ndarray:
    """What folding multiplied each channel by, float64 (channels,); 1 where all its weights are zero."""
    before, after = _rows(weight, channels).astype(np.float64), _rows(folded, axis).astype(np.float64)
    size = np.square(before).sum(1)
    return np.divide((before * after).sum(1), size, out=np.ones_like(size), where=size > 0)


def _channel_axis(layer: nn.Module) -> int:
    return 1 if getattr(layer, "transposed", False) else 0


def _rows(values: np.ndarray, axis: int) -> np.ndarray:
    return np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
