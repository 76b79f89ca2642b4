"""Small ONNX files to measure, made by hand."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def chain(path: Path, layers: int, width: int = 192, batch: int | str = "batch") -> Path:
    """A file of so many MatMul + ReLU layers, (batch, width) in and out, named "layer0", "layer1", …"""
    generator = np.random.default_rng(0)
    nodes, weights = [], []
    for i in range(layers):
        weight = generator.standard_normal((width, width)).astype(np.float32) / np.float32(width**0.5)
        weights.append(numpy_helper.from_array(weight, f"layer{i}.weight"))
        source = "input" if i == 0 else f"relu{i - 1}"
        nodes.append(helper.make_node("MatMul", [source, f"layer{i}.weight"], [f"product{i}"], f"layer{i}"))
        nodes.append(helper.make_node("Relu", [f"product{i}"], [f"relu{i}"], f"activation{i}"))
    nodes[-1].output[0] = "output"
    return saved(path, nodes, weights, [batch, width])


def flatten(path: Path, values: int, batch: int | str = "batch", kind: int = TensorProto.FLOAT) -> Path:
    """A file that gives back its input (batch, 1, 1, values) as (batch, values)."""
    nodes = [helper.make_node("Flatten", ["input"], ["output"], "flatten")]
    return saved(path, nodes, [], [batch, 1, 1, values], kind)


def saved(path: Path, nodes: list, weights: list, shape: list, kind: int = TensorProto.FLOAT) -> Path:
    """Write nodes with one input "input" and one output "output" (of any shape with the same batch)."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("input", kind, shape)],
        [helper.make_tensor_value_info("output", kind, [shape[0], None])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.save(model, path)
    return path
