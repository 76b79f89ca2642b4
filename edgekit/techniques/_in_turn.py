"""Rounding layer after layer, each on what the rounded layers before it really give, so that it can make up for them.

Where a layer has a bias, it takes up what is left of the mean error of the layer's outputs (bias correction: Nagel et
al. 2019, arXiv:1906.04721, measured on samples).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnx
from threadpoolctl import threadpool_limits

from edgekit.core.bench import Bench
from edgekit.core.encoding import Stored
from edgekit.models.graphs import array, store
from edgekit.techniques._codes import Clipping
from edgekit.techniques._compensate import ROWS, can_compensate, compensated, drawn_rows, making_up
from edgekit.techniques._graph import GraphLayer
from edgekit.techniques._levels import Levels, Values, choose
from edgekit.techniques._streams import Streams, affordable, by_layer

FINE = 7  # bits from which rounding each weight by itself is as good
Rounding = Literal["nearest", "bias", "compensated", "adaround", "reconstructed"]


@dataclass(frozen=True)
class Way:
    """How the weights of one layer are rounded.

    Attributes:
        rounding: "nearest" looks at no samples; "bias" only corrects the bias; "compensated" moves weights to make up
            for the rounding of others and of earlier layers; "adaround" and "reconstructed" learn, a block at a time.
        group: neighbours that share a scale; all of a channel where it does not divide their number.
    """

    bits: int
    clipping: Clipping
    rounding: Rounding = "compensated"
    group: int = 0
    symmetric: bool = True
    values: Values = "uniform"
    per_channel: bool = True

    def levels(self, rows: np.ndarray) -> Levels:
        """What weights `rows` (channels, inputs) may become."""
        group = self.group if self.group and rows.shape[1] % self.group == 0 else 0
        kind = {"group": group, "symmetric": self.symmetric, "values": self.values}
        if self.per_channel:
            return choose(rows, self.bits, self.clipping, **kind)
        return choose(rows.reshape(1, -1), self.bits, self.clipping, **kind).spread(*rows.shape)


def rows_of(weight: np.ndarray, axis: int) -> np.ndarray:
    """A weight laid out as (channels, inputs)."""
    return np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1).astype(np.float32)


def round_each(
    graph: onnx.ModelProto, bench: Bench, layers: Mapping[str, GraphLayer], ways: Mapping[str, Way]
) -> dict[str, Stored]:
    """Round each layer by itself to the nearest levels, in place; returns weight initializer name -> its codes."""
    encodings: dict[str, Stored] = {}
    for name, layer in bench.each(layers.items()):
        if layer.weight not in encodings:
            weight = array(graph, layer.weight)
            rows = rows_of(weight, layer.axis)
            levels = ways[name].levels(rows)
            encodings[layer.weight] = levels.stored(levels.nearest(rows), weight.shape, layer.axis)
            store(graph, layer.weight, encodings[layer.weight].decode())
    return encodings


@threadpool_limits.wrap(limits=1, user_api="blas")  # its threads would wait, spinning, in those of ONNX Runtime's way
def round_in_turn(
    graph: onnx.ModelProto,
    bench: Bench,
    layers: Mapping[str, GraphLayer],
    ways: Mapping[str, Way],
    samples: int,
) -> dict[str, Stored]:
    """Round layer after layer on calibration samples, in place; returns weight initializer name -> its codes.

    The graph then holds what the codes decode to, and the corrected biases. Weights that layers share are rounded once,
    for the first of them, and biases that are read elsewhere stay.
    """
    streams = Streams(graph, layers, bench.calibration(affordable(graph, samples)))
    random = np.random.default_rng(bench.seed)
    encodings: dict[str, Stored] = {}
    parts = by_layer(graph, layers)
    for done, stretch in enumerate(parts):
        bench.progress(done / len(parts), stretch.layers[0].name if stretch.layers else "first nodes")
        for layer in stretch.layers:
            round_one(streams, layer, ways[layer.name], random, encodings)
        if stretch is not parts[-1]:
            streams.advance(stretch)
    bench.progress(1.0, "weights rounded")
    return encodings


def correct_biases(
    graph: onnx.ModelProto,
    bench: Bench,
    layers: Mapping[str, GraphLayer],
    ways: Mapping[str, Way],
    samples: int,
) -> None:
    """Let biases take up the mean error that rounding weights so would make, in place; weights stay as they are."""
    rounded = onnx.ModelProto()
    rounded.CopyFrom(graph)
    round_in_turn(rounded, bench, layers, ways, samples)
    for layer in layers.values():
        if layer.bias:
            store(graph, layer.bias, array(rounded, layer.bias))


def round_one(
    streams: Streams, layer: GraphLayer, way: Way, random: np.random.Generator, encodings: dict[str, Stored]
) -> None:
    """Round one layer, whose inputs the streams hold, in place."""
    graph = streams.graph
    weight, inputs = array(graph, layer.weight), None
    if way.rounding != "nearest" and can_compensate(graph, layer):
        inputs = _drawn(streams, layer, weight.shape, random)
    if layer.weight not in encodings:
        rows = rows_of(weight, layer.axis)
        if inputs is None or way.rounding == "bias" or way.bits >= FINE:
            levels = way.levels(rows)
            chosen = levels.nearest(rows)
        else:
            levels, chosen = _compensated(rows, way, *inputs, centred=streams.owns_bias(layer))
        encodings[layer.weight] = levels.stored(chosen, weight.shape, layer.axis)
        store(graph, layer.weight, encodings[layer.weight].decode())
    if inputs is not None and streams.owns_bias(layer):
        exact, given = (np.repeat(one.mean(1), weight.shape[layer.axis] // len(one), axis=0) for one in inputs)
        now = array(graph, layer.weight)
        before, after = (rows_of(one, layer.axis) for one in (streams.original[layer.weight], now))
        missing = (before * exact - after * given).sum(1)  # (channels,)
        store(graph, layer.bias, array(graph, layer.bias) + missing.astype(np.float32))


def _compensated(
    rows: np.ndarray, way: Way, exact: np.ndarray, given: np.ndarray, centred: bool
) -> tuple[Levels, np.ndarray]:
    """Levels, and those chosen (channels, k); `exact` and `given` are the layer's inputs (groups, rows, k)."""
    if centred:  # the bias makes up for the means
        exact, given = exact - exact.mean(1, keepdims=True), given - given.mean(1, keepdims=True)
    moments = given.transpose(0, 2, 1) @ given  # (groups, k, k)
    missing = (exact - given).transpose(0, 2, 1) @ given
    parts = np.split(rows, len(moments))
    if missing.any():
        parts = [making_up(*one) for one in zip(parts, moments, missing, strict=True)]
    moved = np.concatenate(parts)
    levels = way.levels(moved)
    chosen = [
        compensated(part, levels.part(k * len(part), (k + 1) * len(part)), moment)
        for k, (part, moment) in enumerate(zip(parts, moments, strict=True))
    ]
    return levels, np.concatenate(chosen)


def _drawn(
    streams: Streams, layer: GraphLayer, shape: tuple[int, ...], random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The layer's inputs in floats and after rounding, at the same random places, (groups, rows, k) each."""
    total = sum(len(exact) for exact, _ in streams.pairs(layer.node.input[0]))
    exacts, givens = [], []
    for exact, given in streams.pairs(layer.node.input[0]):
        wanted, seed = -(-ROWS * len(exact) // total), int(random.integers(2**32))
        exacts.append(drawn_rows(exact, layer, shape, wanted, np.random.default_rng(seed)))
        givens.append(drawn_rows(given, layer, shape, wanted, np.random.default_rng(seed)))
    return np.concatenate(exacts, 1), np.concatenate(givens, 1)
