"""What layers put out before and after compression, on the same samples: how far it moved, and how it is spread.

How far: as SQNR (see noise.py). What earlier layers did wrong counts in what later ones put out. Outputs are taken as
the layer's operator makes them, before an activation function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgekit.artifacts.grids import Grid, tensor_grids
from edgekit.artifacts.operators import MULTIPLYING, ROLES
from edgekit.core.progress import Progress, silent
from edgekit.measure.noise import Noise
from edgekit.measure.outputs import KINDS
from edgekit.measure.session import open_session
from edgekit.models.graphs import readers

if TYPE_CHECKING:
    import onnx

BATCH = 8
VALUES = 2**14  # kept of each layer for its histogram
FOLLOWS = ("Cast", "Mul", "Add")  # what stands between an integer product and the layer's float output


@dataclass(frozen=True)
class LayerOutputs:
    """What one layer puts out.

    Attributes:
        layer: its name in the uncompressed file.
        sqnr_db: None where the shapes differ, so that there is nothing to compare; infinite where nothing moved.
        before, after: some of its values (n,), at the same places where the shapes agree.
        grid: that the compressed file puts them on, if any.
    """

    layer: str
    sqnr_db: float | None
    before: np.ndarray
    after: np.ndarray
    grid: Grid | None


def layer_outputs(before: Path, after: Path, inputs: np.ndarray, progress: Progress = silent) -> list[LayerOutputs]:
    """Every layer that both files have, in the order of the uncompressed one.

    Args:
        inputs: of the network, (n, …).

    Raises:
        MeasureError: a file cannot be run here.
    """
    import onnx

    graphs = [onnx.load(path) for path in (before, after)]
    ends = [outputs_of(graph) for graph in graphs]
    pairs = {name: (tensor, other) for name, tensor in ends[0].items() if (other := _same(name, ends[1]))}
    seen = {name: _Seen() for name in pairs}
    sessions = [_watching(graph, [pair[side] for pair in pairs.values()]) for side, graph in enumerate(graphs)]
    for start in range(0, len(inputs), BATCH):
        progress(start / len(inputs), f"sample {start + 1} of {len(inputs)}")
        batch = inputs[start : start + BATCH]
        found = [run(batch) for run in sessions]
        for (name, (tensor, other)), share in zip(pairs.items(), [len(batch) / len(inputs)] * len(pairs), strict=True):
            seen[name].add(found[0][tensor], found[1][other], share)
    progress(1.0, "done")
    grids = tensor_grids(graphs[1])
    return [one.told(name, grids.get(pairs[name][1])) for name, one in seen.items()]


def outputs_of(graph: onnx.ModelProto) -> dict[str, str]:
    """Layer -> the float tensor that its operator makes, with the bias that a node of its own may add."""
    stored = {tensor.name for tensor in graph.graph.initializer}
    read_by, found = readers(graph), {}
    for number, node in enumerate(graph.graph.node):
        if node.op_type in ROLES and ROLES[node.op_type].kind in MULTIPLYING:
            found[node.name or f"{node.op_type}_{number}"] = _end(node, read_by, stored)
    return found


def _end(node: onnx.NodeProto, read_by: Mapping[str, list], stored: set[str]) -> str:
    """Where an integer product has become floats, or a matrix product got its bias."""
    is_integer = node.op_type.endswith("Integer")
    while is_integer or node.op_type in ("MatMul", *FOLLOWS):
        after = read_by.get(node.output[0], [])
        if len(after) != 1 or after[0].op_type not in FOLLOWS:
            break
        adds_bias = after[0].op_type == "Add" and stored & set(after[0].input)
        if not is_integer and not adds_bias:
            break
        node = after[0]
        if adds_bias:
            break
    return node.output[0]


def _same(layer: str, others: Mapping[str, str]) -> str | None:
    """The tensor of this layer in the other file; of a layer that became a product of several, that of the last."""
    if layer in others:
        return others[layer]
    parts = [name for name in others if name.rpartition(".")[0] == layer and name.rpartition(".")[2].isdigit()]
    return others[parts[-1]] if parts else None


def _watching(graph: onnx.ModelProto, tensors: list[str]) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """A function from inputs (b, …) to the values of these tensors by name."""
    import onnx

    names = list(dict.fromkeys(tensors))
    del graph.graph.output[:]
    graph.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = open_session(graph.SerializeToString())
    feed = session.get_inputs()[0]
    rows = feed.shape[0] if isinstance(feed.shape[0], int) else 1 if _looks_at_the_whole_batch(graph) else 0

    def run(batch: np.ndarray) -> dict[str, np.ndarray]:
        batch = batch.astype(KINDS.get(feed.type, np.float32), copy=False)
        parts = [batch[i : i + rows] for i in range(0, len(batch), rows)] if rows else [batch]
        values = [session.run(names, {feed.name: one}) for one in parts]
        return {name: np.concatenate([one[place] for one in values]) for place, name in enumerate(names)}

    return run


def _looks_at_the_whole_batch(graph: onnx.ModelProto) -> bool:
    return any(node.op_type == "DynamicQuantizeLinear" for node in graph.graph.node)


class _Seen:
    """Sums and samples of one layer's outputs."""

    def __init__(self) -> None:
        self.noise = Noise()
        self.comparable = True
        self.kept: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, before: np.ndarray, after: np.ndarray, share: float) -> None:
        """One batch, which is this share of all samples."""
        if before.shape == after.shape:
            self.noise.add(before, after)
        else:
            self.comparable = False
        self.kept.append((_some(before, share), _some(after, share)))

    def told(self, layer: str, grid: Grid | None) -> LayerOutputs:
        """All batches together."""
        before, after = (np.concatenate(side) for side in zip(*self.kept, strict=True))
        return LayerOutputs(layer, self.noise.db if self.comparable else None, before, after, grid)


def _some(values: np.ndarray, share: float) -> np.ndarray:
    """Every s-th value, s being odd, so that no row or channel is favoured."""
    flat = values.reshape(-1)
    return flat[:: int(flat.size / (share * VALUES)) | 1].astype(np.float32)
