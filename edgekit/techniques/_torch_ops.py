"""ONNX operators as torch functions, so that gradients can pass through a part of a graph."""

import math
from collections.abc import Mapping, Sequence

import onnx
import torch
import torch.nn.functional as F
from torch import Tensor

from edgekit.models.graphs import attribute


def can_run(nodes: Sequence[onnx.NodeProto]) -> bool:
    """Whether every one of these nodes is known here, and puts out one tensor."""
    return all(node.op_type in _OPERATORS and len(node.output) == 1 and _plain(node) for node in nodes)


def run(nodes: Sequence[onnx.NodeProto], values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Everything that the nodes read and put out, starting from what `values` holds."""
    held = dict(values)
    for node in nodes:
        held[node.output[0]] = _OPERATORS[node.op_type](node, *(held[name] if name else None for name in node.input))
    return held


def _plain(node: onnx.NodeProto) -> bool:
    pads = list(attribute(node, "pads", []))
    even = pads[: len(pads) // 2] == pads[len(pads) // 2 :]
    padded = attribute(node, "auto_pad", b"NOTSET") == b"NOTSET" and not attribute(node, "ceil_mode", 0)
    pooled = node.op_type in ("MaxPool", "AveragePool")
    return padded and (even or node.op_type == "Conv") and not (pooled and attribute(node, "dilations", None))


def _conv(node: onnx.NodeProto, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    spatial = weight.dim() - 2
    pads = list(attribute(node, "pads", [0] * 2 * spatial))
    around = [pad for axis in reversed(range(spatial)) for pad in (pads[axis], pads[axis + spatial])]
    kernel = (F.conv1d, F.conv2d, F.conv3d)[spatial - 1]
    strides, dilations = (tuple(attribute(node, name, [1] * spatial)) for name in ("strides", "dilations"))
    even = pads[:spatial] == pads[spatial:]
    x = x if even else F.pad(x, around)
    return kernel(
        x, weight, bias, strides, tuple(pads[:spatial]) if even else 0, dilations, attribute(node, "group", 1)
    )


def _gemm(node: onnx.NodeProto, a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
    a, b = (t.T if attribute(node, name, 0) else t for t, name in ((a, "transA"), (b, "transB")))
    product = attribute(node, "alpha", 1.0) * (a @ b)
    return product if c is None else product + attribute(node, "beta", 1.0) * c


def _clip(node: onnx.NodeProto, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    x = x if low is None else torch.maximum(x, low)
    return x if high is None else torch.minimum(x, high)


def _pool(node: onnx.NodeProto, x: Tensor) -> Tensor:
    size = tuple(attribute(node, "kernel_shape", None))
    strides = tuple(attribute(node, "strides", [1] * len(size)))
    pads = tuple(attribute(node, "pads", [0] * 2 * len(size)))[: len(size)]
    if node.op_type == "MaxPool":
        return (F.max_pool1d, F.max_pool2d, F.max_pool3d)[len(size) - 1](x, size, strides, pads)
    counted = bool(attribute(node, "count_include_pad", 0))
    return (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[len(size) - 1](x, size, strides, pads, False, counted)


def _norm(node: onnx.NodeProto, x: Tensor, scale: Tensor, bias: Tensor | None = None) -> Tensor:
    shape = x.shape[attribute(node, "axis", -1) :]
    return F.layer_norm(x, shape, scale, bias, attribute(node, "epsilon", 1e-5))


def _reshape(node: onnx.NodeProto, x: Tensor, shape: Tensor) -> Tensor:
    return x.reshape([x.shape[k] if size == 0 else size for k, size in enumerate(shape.tolist())])


_OPERATORS = {
    "Add": lambda node, a, b: a + b,
    "AveragePool": _pool,
    "Clip": _clip,
    "Concat": lambda node, *parts: torch.cat(parts, attribute(node, "axis", 0)),
    "Conv": _conv,
    "Div": lambda node, a, b: a / b,
    "Erf": lambda node, x: torch.erf(x),
    "Flatten": lambda node, x: x.reshape(math.prod(x.shape[: attribute(node, "axis", 1)]), -1),
    "Gelu": lambda node, x: F.gelu(x, approximate=attribute(node, "approximate", b"none").decode()),
    "Gemm": _gemm,
    "GlobalAveragePool": lambda node, x: x.mean(tuple(range(2, x.dim())), keepdim=True),
    "HardSigmoid": lambda node, x: (attribute(node, "alpha", 0.2) * x + attribute(node, "beta", 0.5)).clamp(0, 1),
    "HardSwish": lambda node, x: F.hardswish(x),
    "Identity": lambda node, x: x,
    "LayerNormalization": _norm,
    "MatMul": lambda node, a, b: a @ b,
    "MaxPool": _pool,
    "Mul": lambda node, a, b: a * b,
    "Relu": lambda node, x: x.relu(),
    "Reshape": _reshape,
    "Sigmoid": lambda node, x: x.sigmoid(),
    "Softmax": lambda node, x: x.softmax(attribute(node, "axis", -1)),
    "Sqrt": lambda node, x: x.sqrt(),
    "Sub": lambda node, a, b: a - b,
    "Tanh": lambda node, x: x.tanh(),
    "Transpose": lambda node, x: x.permute(*attribute(node, "perm", list(reversed(range(x.dim()))))),
}
