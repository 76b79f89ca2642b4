"""Small networks for what a graph may hold: normalisation, sharing, transposed and grouped weights, samples."""

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from edgekit.artifacts.export import export
from edgekit.core.encoding import Codebook, Encoding

IMAGE = (1, 3, 8, 8)


def seeded(network: nn.Module) -> nn.Module:
    """The network with every float tensor random, running statistics too, in eval mode."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for tensor in [*network.parameters(), *network.buffers()]:
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) - 0.3)
        for module in network.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.running_var += 0.5
    return network.eval()


def convolutional() -> nn.Sequential:
    """Convolutions of every sort, each with its own batch normalisation, and a Linear with one too."""
    return seeded(
        nn.Sequential(
            nn.Conv2d(3, 8, 3, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, groups=8),
            nn.BatchNorm2d(8, eps=1e-3),
            nn.ConvTranspose2d(8, 6, 2, stride=2),
            nn.BatchNorm2d(6),
            nn.Flatten(),
            nn.Linear(6 * 8 * 8, 5),
            nn.BatchNorm1d(5),
        )
    )


class Shared(nn.Module):
    """One Linear used twice, and two that share a weight; inputs (n, 4, 6) with an axis between."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(6, 6)
        self.second = nn.Linear(6, 6)
        self.second.weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(self.first(x)).relu())


class Branching(nn.Module):
    """A convolution whose output is also seen before its normalisation, which therefore cannot be folded."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.bn = nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        return self.bn(y) + y


def example(shape: tuple[int, ...] = IMAGE, seed: int = 0) -> np.ndarray:
    """Random float32 inputs."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def run(graph: onnx.ModelProto | bytes, inputs: np.ndarray) -> np.ndarray:
    """The first output in a plain session with default options."""
    data = graph if isinstance(graph, bytes) else graph.SerializeToString()
    return onnxruntime.InferenceSession(data).run(None, {"input": inputs})[0]


def torch_run(network: nn.Module, inputs: np.ndarray) -> np.ndarray:
    """What PyTorch makes of the same inputs."""
    with torch.no_grad():
        return network(torch.from_numpy(inputs)).numpy()


def arrays(graph: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Initializer name -> values."""
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.graph.initializer}


def encoding(shape: tuple[int, ...], bits: int, *, axis: int = 0, zeros: bool = False, seed: int = 0) -> Encoding:
    """Random codes over the whole range of `bits`, the lowest and the highest among them."""
    generator = np.random.default_rng(seed)
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    codes = generator.integers(low, high + 1, shape).astype(np.int32)
    codes.flat[:2] = [low, high][: codes.size]
    scale = generator.uniform(0.01, 0.3, shape[axis]).astype(np.float32)
    zero_point = generator.integers(low, high + 1, shape[axis]) if zeros else np.zeros(shape[axis], np.int64)
    return Encoding(codes, scale, zero_point, bits, axis)


def grouped(shape: tuple[int, ...], bits: int, group: int, *, axis: int = 0, zeros: bool = False) -> Encoding:
    """Random codes with a scale for every `group` neighbours among the inputs of a channel."""
    form, generator = encoding(shape, bits, axis=axis), np.random.default_rng(1)
    each = (shape[axis], form.codes.size // shape[axis] // group)
    zero_point = generator.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), each) if zeros else np.zeros(each, np.int64)
    return Encoding(form.codes, generator.uniform(0.01, 0.3, each).astype(np.float32), zero_point, bits, axis, group)


def codebook(shape: tuple[int, ...], bits: int, *, axis: int = 0, scaled: bool = False, count: int = 0) -> Codebook:
    """Random codes for `count` random values, as many as `bits` can tell apart by default; the first value is 0."""
    generator, count = np.random.default_rng(2), count or 2**bits
    codes = generator.integers(0, count, shape)
    codes.flat[-1] = count - 1
    values = generator.standard_normal(count).astype(np.float32)
    values[0] = 0
    scale = generator.normal(0, 2, shape[axis] if scaled else 1).astype(np.float32)
    return Codebook(codes, values, scale, bits, axis)


def rounded(network: nn.Module, bits: int, *, zeros: bool = False) -> tuple[onnx.ModelProto, dict[str, Encoding]]:
    """An exported network whose weights are what random codes decode to, and the codes."""
    graph, encodings = export(network, example()), {}
    for tensor in graph.graph.initializer:
        if len(tensor.dims) > 1:
            encodings[tensor.name] = encoding(tuple(tensor.dims), bits, zeros=zeros, seed=len(encodings))
            tensor.CopyFrom(numpy_helper.from_array(encodings[tensor.name].decode(), tensor.name))
    return graph, encodings


def quantized_convolution(form: Encoding) -> onnx.ModelProto:
    """uint8 activations, int8 weights per channel, as quantize–dequantize pairs around a Conv."""
    channels = form.codes.shape[0]
    constants = {
        "s": np.float32(0.05),
        "z": np.uint8(128),
        "w": form.codes.astype(np.int8),
        "ws": form.scale,
        "wz": np.zeros(channels, np.int8),
        "b": np.arange(channels, dtype=np.int32),
        "bs": np.float32(0.05) * form.scale,
        "bz": np.zeros(channels, np.int32),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["input", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["x"]),
        helper.make_node("DequantizeLinear", ["w", "ws", "wz"], ["wf"], axis=0),
        helper.make_node("DequantizeLinear", ["b", "bs", "bz"], ["bf"], axis=0),
        helper.make_node("Conv", ["x", "wf", "bf"], ["y"], name="conv"),
        helper.make_node("QuantizeLinear", ["y", "s", "z"], ["yq"]),
        helper.make_node("DequantizeLinear", ["yq", "s", "z"], ["output"]),
    ]
    kind = TensorProto.FLOAT
    body = helper.make_graph(
        nodes,
        "quantized",
        [helper.make_tensor_value_info("input", kind, ["batch", form.codes.shape[1], 8, 8])],
        [helper.make_tensor_value_info("output", kind, ["batch", channels, None, None])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
