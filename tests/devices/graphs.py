"""Small ONNX files whose layers, bytes and times can be worked out by hand."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = [helper.make_opsetid("", 21)]


def saved(path: Path, nodes: list, shape: tuple, out: str, weights: dict[str, np.ndarray]) -> Path:
    """A file with one input "x" of this shape."""
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    outputs = [helper.make_tensor_value_info(out, TensorProto.FLOAT, None)]
    stored = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "small", inputs, outputs, stored)
    onnx.save(helper.make_model(graph, opset_imports=OPSET, ir_version=10), path)
    return path


def conv(name: str, given: str, made: str, **attributes) -> onnx.NodeProto:
    """A convolution whose weight is `name` + ".w"."""
    return helper.make_node("Conv", [given, f"{name}.w"], [made], name=name, **attributes)


def residual(path: Path) -> Path:
    """x (1, 8, 4, 4) → conv a (8 → 16) → Relu → conv b (16 → 16) ; a + b → pooled to (1, 16, 1, 1) → dense to 10."""
    nodes = [
        conv("a", "x", "a.out", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a.out"], ["a.relu"], name="a.relu"),
        conv("b", "a.relu", "b.out", kernel_shape=[1, 1]),
        helper.make_node("Add", ["a.relu", "b.out"], ["sum"], name="sum"),
        helper.make_node("GlobalAveragePool", ["sum"], ["pooled"], name="pool"),
        helper.make_node("Flatten", ["pooled"], ["flat"], name="flat"),
        helper.make_node("Gemm", ["flat", "fc.w"], ["y"], name="fc"),
    ]
    weights = {"a.w": (16, 8, 3, 3), "b.w": (16, 16, 1, 1), "fc.w": (16, 10)}
    return saved(path, nodes, (1, 8, 4, 4), "y", {name: np.ones(size, np.float32) for name, size in weights.items()})


def attention(path: Path) -> Path:
    """A product of two activations, which is what makes a network a transformer here."""
    nodes = [
        helper.make_node("MatMul", ["x", "q.w"], ["q"], name="q"),
        helper.make_node("MatMul", ["x", "k.w"], ["k"], name="k"),
        helper.make_node("Transpose", ["k"], ["kt"], name="kt", perm=[0, 2, 1]),
        helper.make_node("MatMul", ["q", "kt"], ["y"], name="scores"),
    ]
    return saved(path, nodes, (1, 5, 8), "y", {name: np.ones((8, 8), np.float32) for name in ("q.w", "k.w")})


def integers(path: Path) -> Path:
    """One convolution between quantize–dequantize pairs: x (1, 8, 4, 4) → (1, 8, 4, 4)."""
    scale, zero = np.float32(0.1), np.uint8(128)
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["xq"], name="xq"),
        helper.make_node("DequantizeLinear", ["xq", "s", "z"], ["xd"], name="xd"),
        helper.make_node("DequantizeLinear", ["w", "s", "wz"], ["wd"], name="wd"),
        helper.make_node("Conv", ["xd", "wd"], ["c"], name="conv", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("QuantizeLinear", ["c", "s", "z"], ["cq"], name="cq"),
        helper.make_node("DequantizeLinear", ["cq", "s", "z"], ["y"], name="y"),
    ]
    stored = {"s": scale, "z": zero, "wz": np.int8(0), "w": np.ones((8, 8, 3, 3), np.int8)}
    return saved(path, nodes, (1, 8, 4, 4), "y", {name: np.asarray(value) for name, value in stored.items()})
