"""The values that a quantizer allows, read from a file: where its weights, and what its layers put out, can lie.

value = scale · (code − zero)      evenly spaced, a scale for each channel, for each of its groups, or for all
value = one of a codebook
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from edgekit.artifacts.constants import Constants
from edgekit.artifacts.operators import MULTIPLYING
from edgekit.artifacts.read import Layer, opened, stored_form
from edgekit.artifacts.unpacking import DOMAIN

_ONLY_MOVING = ("Shaped", "Turned")


@dataclass(frozen=True)
class Grid:
    """The allowed values of one tensor.

    Attributes:
        scale, zero: (channels, groups), of one row where all channels share them.
        first, last: the lowest and the highest code.
        values: of a codebook, (n,), or None; they are multiplied by `scale`.
    """

    scale: np.ndarray
    zero: np.ndarray
    first: int
    last: int
    values: np.ndarray | None = None

    def levels(self, channel: int = 0) -> np.ndarray:
        """What a value of an output channel may be, in order."""
        place = channel if len(self.scale) > 1 else 0
        scale, zero = self.scale[place][:, None], self.zero[place][:, None]  # (groups, 1)
        steps = np.arange(self.first, self.last + 1)[None] - zero if self.values is None else self.values[None]
        return np.unique((scale * steps).astype(np.float32))

    @property
    def even(self) -> bool:
        """Whether each channel has one scale, so that values in units of it are whole numbers."""
        return self.values is None and self.scale.shape[1] == 1


@dataclass(frozen=True)
class Held:
    """The weights of a layer, float32 as the runtime uses them, their axis of output channels, and their grid."""

    values: np.ndarray
    axis: int
    grid: Grid | None

    def of_channel(self, channel: int) -> np.ndarray:
        """The weights of one output channel, (n,)."""
        return np.take(self.values, channel, self.axis).reshape(-1)

    @property
    def channels(self) -> int:
        """How many output channels there are."""
        return self.values.shape[self.axis]

    def in_steps(self, others: np.ndarray) -> np.ndarray:
        """Weights of the same shape in units of this grid's steps, on which its own are whole numbers."""
        along = [1] * self.values.ndim
        along[self.axis] = -1
        return others / self.grid.scale.reshape(along) + self.grid.zero.reshape(along)


def held(path: Path) -> dict[str, Held]:
    """Layer -> its weights, for every layer that multiplies by stored ones.

    Raises:
        ModelError: no such file, or no ONNX file.
    """
    file = opened(path)
    return {
        layer.name: Held(layer.weight(file.constants), layer.channel_axis(), _of_weight(layer, file.constants))
        for layer in file.layers
        if layer.parts and layer.roles.kind in MULTIPLYING
    }


def tensor_grids(graph: onnx.ModelProto) -> dict[str, Grid]:
    """Tensor -> the grid that it is put on by a QuantizeLinear that reads it."""
    stored = {tensor.name: tensor for tensor in graph.graph.initializer}
    found = {}
    for node in graph.graph.node:
        if node.op_type != "QuantizeLinear" or node.input[1] not in stored:
            continue
        scale = numpy_helper.to_array(stored[node.input[1]]).reshape(1, -1)[:, :1]
        zero = numpy_helper.to_array(stored[node.input[2]]) if len(node.input) > 2 else np.zeros(1, np.uint8)
        ends = np.iinfo(zero.dtype)
        found[node.input[0]] = Grid(scale, zero.reshape(1, -1)[:, :1].astype(np.int64), ends.min, ends.max)
    return found


def _of_weight(layer: Layer, known: Constants) -> Grid | None:
    name = layer.parts["weight"]
    if "scale" in layer.parts:
        known.evaluate({one for one in (layer.parts["scale"], layer.parts.get("zero")) if one})
        return _even(known, name, layer.parts["scale"], layer.parts.get("zero"), stored_form(known, name)[0])
    bits = stored_form(known, name)[0]
    while name in known.made_by and known.made_by[name].op_type in _ONLY_MOVING:
        name = known.made_by[name].input[0]
    node = known.made_by.get(name)
    if node is None:
        return None
    zero = node.input[2] if len(node.input) > 2 else None
    if node.domain == DOMAIN and node.op_type == "Looked":
        return _codebook(known, node.input[1], None)
    before = known.made_by.get(node.input[0])
    if node.domain == DOMAIN and before is not None and before.op_type == "Looked":
        return _codebook(known, before.input[1], node.input[1])
    if node.op_type == "DequantizeLinear" or node.domain == DOMAIN and node.op_type in ("Scaled", "Centred"):
        return _even(known, node.input[0], node.input[1], zero, bits)
    return None


def _even(known: Constants, codes: str, scale: str, zero: str | None, bits: int) -> Grid:
    known.evaluate({name for name in (codes, scale, zero) if name})
    scales = _rows(known.values[scale]).astype(np.float32)
    zeros = _rows(known.values[zero]).astype(np.int64) if zero else np.zeros(scales.shape, np.int64)
    signed = known.values[codes].dtype.kind == "i"
    first = -(2 ** (bits - 1)) if signed else 0
    return Grid(scales, np.broadcast_to(zeros, scales.shape), first, first + 2**bits - 1)


def _codebook(known: Constants, values: str, scale: str | None) -> Grid:
    known.evaluate({name for name in (values, scale) if name})
    scales = _rows(known.values[scale]).astype(np.float32) if scale else np.ones((1, 1), np.float32)
    found = np.sort(known.values[values].reshape(-1))
    return Grid(scales, np.zeros(scales.shape, np.int64), 0, len(found) - 1, found)


def _rows(array: np.ndarray) -> np.ndarray:
    """(channels, groups): groups come as (channels, groups, 1), scales of a weight of d axes as (1, …, channels, …)."""
    grouped = array.ndim == 3 and array.shape[2] == 1 and array.shape[0] > 1 and array.shape[1] > 1
    return array.reshape(len(array), -1) if grouped else array.reshape(-1, 1)
