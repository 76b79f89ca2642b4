"""Having ONNX Runtime rewrite a graph as it would while loading it, and finding out what it fused."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import onnx
import onnxruntime

from edgekit.models.graphs import feedable
from edgekit.techniques._graph import weight_layers

Level = Literal["basic", "extended"]
LEVELS = {
    "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
}


@dataclass(frozen=True)
class Fused:
    """One node of the new graph and what went into it.

    Attributes:
        node: of the new graph, so that it can be renamed.
        parts: the old nodes that it does the work of, in the order in which they ran.
        constants: old nodes that only worked on constants, and whose result is stored now.
    """

    node: onnx.NodeProto
    parts: tuple[onnx.NodeProto, ...]
    constants: tuple[onnx.NodeProto, ...]

    def __str__(self) -> str:
        said = []
        if len(self.parts) > 1 or self.parts[0].op_type != self.node.op_type:
            said.append(f"{' + '.join(part.op_type for part in self.parts)} in one {self.node.op_type}")
        if self.constants:
            said.append(f"{' + '.join(part.op_type for part in self.constants)} of constants worked out beforehand")
        return "; ".join(said)


def rewritten(graph: onnx.ModelProto, level: Level, without: Iterable[str]) -> onnx.ModelProto:
    """The graph that ONNX Runtime makes of this one.

    A weight with two readers, one of which only turns it (a word table that is also the last layer), is shown to the
    runtime as something that may change: it would store the turned copy beside the weight, and the file would grow.

    Args:
        without: names of its optimisers that stay out of it.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level, options.log_severity_level = LEVELS[level], 3
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:  # it hands the graph over in a file and in no other way
        options.optimized_model_filepath = str(Path(folder) / "fused.onnx")
        onnxruntime.InferenceSession(
            feedable(graph, _shared_weights(graph)).SerializeToString(),
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=list(without),
        )
        result = onnx.load(options.optimized_model_filepath)
    del result.graph.input[len(graph.graph.input) :]
    result.ir_version = max(result.ir_version, graph.ir_version)
    _tidy(result)
    return result


def differences(before: onnx.ModelProto, after: onnx.ModelProto) -> list[Fused]:
    """What became of nodes that are no longer there: each went into one that is."""
    made_by = {name: node for node in before.graph.node for name in node.output}
    stored = {tensor.name for tensor in before.graph.initializer}
    still_there = {name for node in after.graph.node for name in node.output} | stored
    still_there |= {value.name for value in before.graph.input}

    def gone(name: str) -> list[onnx.NodeProto]:
        """The vanished nodes that a tensor was made by, in order."""
        if name in still_there or name not in made_by:
            return []
        node = made_by[name]
        return [one for source in node.input for one in gone(source)] + [node]

    constant: set[str] = set(stored)
    for node in before.graph.node:
        if all(name in constant for name in node.input if name):
            constant.update(node.output)
    found = []
    for node in after.graph.node:
        old = made_by.get(node.output[0])
        if old is None:
            continue
        nodes = [one for source in old.input for one in gone(source)] + [old]
        nodes = list({one.output[0]: one for one in nodes}.values())
        ready = tuple(one for one in nodes if one.output[0] in constant)
        fused = Fused(node, tuple(one for one in nodes if one.output[0] not in constant), ready)
        if fused.parts and str(fused):
            found.append(fused)
    return found


def restore_names(before: onnx.ModelProto, after: onnx.ModelProto, found: list[Fused]) -> None:
    """Call layers, weights and biases as they were called: the runtime renames what it fuses."""
    layers = {layer.node.output[0]: layer for _, layer in weight_layers(before)}
    names = {tensor.name for tensor in after.graph.initializer}
    instead: dict[str, str] = {}
    for fused in found:
        layer = next((layers[part.output[0]] for part in fused.parts if part.output[0] in layers), None)
        fused.node.name = layer.name if layer else fused.parts[-1].name or fused.node.output[0]
        if layer:
            wanted = [layer.weight, layer.bias or f"{layer.name}.bias"]
            for name, old in zip(fused.node.input[1:3], wanted, strict=False):
                if name in names and old not in names:
                    instead[name] = old
    for tensor in after.graph.initializer:
        tensor.name = instead.get(tensor.name, tensor.name)
    for node in after.graph.node:
        node.input[:] = [instead.get(name, name) for name in node.input]


def _shared_weights(graph: onnx.ModelProto) -> set[str]:
    """Stored matrices and kernels that are read as they are, and also by a node that reads nothing else."""
    stored = {tensor.name for tensor in graph.graph.initializer if len(tensor.dims) > 1}
    constant = {tensor.name for tensor in graph.graph.initializer}
    folded, read = set(), set()
    for node in graph.graph.node:
        names = {name for name in node.input if name}
        (folded if names <= constant else read).update(names)
    return stored & folded & read


def _tidy(graph: onnx.ModelProto) -> None:
    """Drop the domains that nothing is from, and store constants in the order in which they are read."""
    used = {node.domain for node in graph.graph.node} | {""}
    kept = [onnx.helper.make_opsetid(one.domain, one.version) for one in graph.opset_import if one.domain in used]
    del graph.opset_import[:]
    graph.opset_import.extend(kept)
    order = {name: place for place, name in enumerate(name for node in graph.graph.node for name in node.input)}
    tensors = sorted(graph.graph.initializer, key=lambda tensor: (order.get(tensor.name, -1), tensor.name))
    copies = [onnx.TensorProto.FromString(tensor.SerializeToString()) for tensor in tensors]
    del graph.graph.initializer[:]
    graph.graph.initializer.extend(copies)
