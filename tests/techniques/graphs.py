"""Small ONNX graphs for tests of single techniques, and what ONNX Runtime makes of a graph when it loads it."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

RESIDUAL = """
<ir_version: 10, opset_import: ["" : 21]>
residual (float[batch, 3, 8, 8] input) => (float[batch, 5] output) {
    [stem] a = Conv <pads = [1, 1, 1, 1]> (input, stem__weight, stem__bias)
    b = Relu(a)
    [block__conv1] c = Conv <pads = [1, 1, 1, 1]> (b, block__conv1__weight, block__conv1__bias)
    d = Relu(c)
    [block__conv2] e = Conv <pads = [1, 1, 1, 1]> (d, block__conv2__weight, block__conv2__bias)
    f = Add(e, b)
    g = Relu(f)
    h = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (g)
    i = GlobalAveragePool(h)
    j = Flatten(i)
    [fc] output = Gemm <transB = 1> (j, fc__weight, fc__bias)
}
"""
SHAPES = {"stem": (8, 3, 3, 3), "block.conv1": (8, 8, 3, 3), "block.conv2": (8, 8, 3, 3), "fc": (5, 8)}


def residual() -> onnx.ModelProto:
    """A convolution, a block with a shortcut, pooling of both sorts, and a matrix product; random weights."""
    random = np.random.default_rng(0)
    weights = {f"{name}.weight": random.normal(0, 0.2, shape) for name, shape in SHAPES.items()}
    return a_graph(RESIDUAL, weights | {f"{name}.bias": random.normal(0, 0.2, s[0]) for name, s in SHAPES.items()})


def matrix(weight: np.ndarray) -> onnx.ModelProto:
    """One Gemm called "fc" with this weight (out, in) and no bias."""
    outs, ins = weight.shape
    text = f"""<ir_version: 10, opset_import: ["" : 21]>
        one (float[batch, {ins}] input) => (float[batch, {outs}] output) {{
            [fc] output = Gemm <transB = 1> (input, fc__weight)
        }}"""
    return a_graph(text, {"fc.weight": weight})


def a_graph(text: str, weights: dict[str, np.ndarray]) -> onnx.ModelProto:
    """A graph in ONNX's text form, where "__" stands for the dot in a name, with these initializers as float32."""
    graph = onnx.parser.parse_model(text)
    for node in graph.graph.node:
        node.name = node.name.replace("__", ".")
        node.input[:] = [name.replace("__", ".") for name in node.input]
    tensors = [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in weights.items()]
    graph.graph.initializer.extend(tensors)
    onnx.checker.check_model(graph, full_check=True)
    return graph


def inputs(samples: int = 64, shape: tuple[int, ...] = (3, 8, 8)) -> np.ndarray:
    """Normal noise, (samples, *shape)."""
    return np.random.default_rng(1).normal(0, 1, (samples, *shape)).astype(np.float32)


def run(graph: onnx.ModelProto, values: np.ndarray) -> np.ndarray:
    """The first output in a plain session."""
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"input": values})[0]


def kernels(graph: onnx.ModelProto, folder: Path) -> Counter:
    """How many nodes of each operator ONNX Runtime will really run."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(folder / "optimised.onnx")
    options.log_severity_level = 3  # it warns that such a file is only good for this machine
    onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return Counter(node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node)


def values(graph: onnx.ModelProto) -> dict[str, np.ndarray]:
    """All initializers by name."""
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.graph.initializer}
