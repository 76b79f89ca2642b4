"""ONNX files as other tools write them: PyTorch's own exporter, tf2onnx with its transposes, and older opsets."""

import io
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

IMAGE = (3, 8, 8)


class Sequences(nn.Module):
    """Word numbers and a mask, (n, length) both; a class token, GELU and a normalisation; two outputs."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 16)
        self.position = nn.Parameter(torch.randn(1, 12, 16))
        self.token = nn.Parameter(torch.randn(1, 1, 16))
        self.hidden = nn.Linear(16, 16)
        self.norm = nn.LayerNorm(16)
        self.fc = nn.Linear(16, 3)

    def forward(self, words: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        x = (self.embedding(words) + self.position[:, : words.shape[1]]) * mask[:, :, None].float()  # (n, length, 16)
        x = torch.cat([self.token.expand(words.shape[0], -1, -1), x], 1)
        x = self.norm(x + nn.functional.gelu(self.hidden(x)))
        return self.fc(x[:, 0]), x.mean(1)


def sound() -> nn.Sequential:
    """1-D convolutions over (n, 13, length), the first with batch normalisation; layers "0", "3" and "7"."""
    layers = [nn.Conv1d(13, 8, 3, padding=1), nn.BatchNorm1d(8), nn.ReLU(), nn.Conv1d(8, 16, 3, stride=2), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(16, 5)).eval()


def by_pytorch(network: nn.Module, *examples: Tensor, opset: int = 17, free: bool = True) -> onnx.ModelProto:
    """What `torch.onnx.export` writes with its own defaults: normalisation folded in, folded weights numbered."""
    buffer, names = io.BytesIO(), [f"in{number}" for number in range(len(examples))] if len(examples) > 1 else ["input"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated, and people use it
        torch.onnx.export(
            network.eval(),
            examples,
            buffer,
            dynamo=False,
            opset_version=opset,
            input_names=names,
            dynamic_axes={name: {0: "batch"} for name in names} if free else None,
        )
    return onnx.load_from_string(buffer.getvalue())


def by_tf2onnx() -> onnx.ModelProto:
    """Images (n, 8, 8, 3): transposed, convolved with padding on one side only, transposed back, and a dense layer."""
    random = np.random.default_rng(0)
    weights = {
        "const_fold_opt__12": random.normal(0, 0.3, (8, 3, 3, 3)),
        "model/conv2d/BiasAdd/ReadVariableOp:0": random.normal(0, 0.3, 8),
        "model/dense/MatMul/ReadVariableOp:0": random.normal(0, 0.3, (4 * 4 * 8, 4)),
        "model/dense/BiasAdd/ReadVariableOp:0": random.normal(0, 0.3, (1, 4)),
    }
    conv, conv_bias, dense, dense_bias = weights
    node = helper.make_node
    nodes = [
        node("Transpose", ["images"], ["a"], name="model/conv2d/Conv2D__6", perm=[0, 3, 1, 2]),
        node("Conv", ["a", conv, conv_bias], ["b"], "model/conv2d/Conv2D", auto_pad="SAME_UPPER", strides=[2, 2]),
        node("Relu", ["b"], ["c"], "model/conv2d/Relu"),
        node("Transpose", ["c"], ["d"], "model/flatten/Reshape__9", perm=[0, 2, 3, 1]),
        node("Reshape", ["d", "new_shape__10"], ["e"], "model/flatten/Reshape"),
        node("MatMul", ["e", dense], ["f"], "model/dense/MatMul"),
        node("Add", ["f", dense_bias], ["g"], "model/dense/BiasAdd"),
        node("Softmax", ["g"], ["probabilities"], "model/dense/Softmax"),
    ]
    graph = a_file(nodes, {"images": ["unk__1", 8, 8, 3]}, {"probabilities": ["unk__1", 4]}, weights, opset=13)
    graph.graph.initializer.append(numpy_helper.from_array(np.array([-1, 128]), "new_shape__10"))
    return graph


def a_file(
    nodes: list[onnx.NodeProto],
    inputs: dict[str, list],
    outputs: dict[str, list | None],
    weights: dict[str, np.ndarray] | None = None,
    opset: int = 17,
) -> onnx.ModelProto:
    """A graph of these nodes; inputs, outputs and weights are float32."""
    kind = TensorProto.FLOAT
    body = helper.make_graph(
        nodes,
        "file",
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(np.asarray(one, np.float32), name) for name, one in (weights or {}).items()],
    )
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def in_constant_nodes(graph: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with every weight in a Constant node."""
    nodes = [helper.make_node("Constant", [], [one.name], value=one) for one in graph.graph.initializer]
    nodes += list(graph.graph.node)
    return helper.make_model(
        helper.make_graph(nodes, "constants", graph.graph.input, graph.graph.output),
        opset_imports=graph.opset_import,
        ir_version=graph.ir_version,
    )


def of_file(graph: onnx.ModelProto, *inputs: np.ndarray) -> list[np.ndarray]:
    """All outputs in a plain session, inputs in the graph's order."""
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, dict(zip([one.name for one in session.get_inputs()], inputs, strict=True)))


def of_network(network: nn.Module, *inputs: np.ndarray) -> list[np.ndarray]:
    """All outputs of a network."""
    with torch.no_grad():
        found = network(*(torch.from_numpy(one) for one in inputs))
    return [one.numpy() for one in (found if isinstance(found, (list, tuple)) else [found])]


def noise(*shape: int) -> np.ndarray:
    """Normal, float32."""
    return np.random.default_rng(5).standard_normal(shape).astype(np.float32)
