"""Layers in place of onnx2torch's where a shape, a range or an index is a constant of the file.

Its own look at tensors to find out where to cut, so that no tool that follows a network, such as quantization-aware
training, gets through them.
"""

import numpy as np
import onnx
from onnx import numpy_helper
from torch import Tensor, nn

from edgekit.models.graphs import attribute

_BY_CONSTANTS = ("Reshape", "Slice", "Gather", "Resize")
_SCALED_BY = {b"nearest": "nearest", b"linear": "bilinear", b"cubic": "bicubic"}  # images; ONNX's name -> torch's


class Reshape(nn.Module):
    """The same numbers in another shape; 0 keeps the size of that axis, −1 is what is left."""

    def __init__(self, shape: list[int]):
        super().__init__()
        self.shape = tuple(shape)

    def forward(self, x: Tensor) -> Tensor:
        """A view of x, or a copy where its order in memory asks for one."""
        return x.reshape([x.shape[axis] if size == 0 else size for axis, size in enumerate(self.shape)])


class Slice(nn.Module):
    """From `start` to before `end`, along one axis after another."""

    def __init__(self, ranges: dict[int, tuple[int, int, int]]):
        super().__init__()
        self.ranges = ranges  # axis -> start, end, step

    def forward(self, x: Tensor) -> Tensor:
        """A view of x."""
        for axis, (start, end, step) in self.ranges.items():
            before, after = ([slice(None)] * axis, []) if axis >= 0 else ([...], [slice(None)] * (-axis - 1))
            x = x[(*before, slice(start, end, step), *after)]
        return x


class Pick(nn.Module):
    """One place along an axis, which is gone after it: the class token of a sequence."""

    def __init__(self, axis: int, place: int):
        super().__init__()
        self.axis, self.place = axis, place

    def forward(self, x: Tensor) -> Tensor:
        """A view of x with an axis less."""
        return x.select(self.axis, self.place)


class Mean(nn.Module):
    """The mean along some axes."""

    def __init__(self, axes: list[int], keep: bool):
        super().__init__()
        self.axes, self.keep = axes, keep

    def forward(self, x: Tensor) -> Tensor:
        """Axes of size 1 in their place, or none."""
        return x.mean(self.axes, keepdim=self.keep)


class Divide(nn.Module):
    """One float tensor by another. onnx2torch's own asks first whether they are floats."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Of the shape that both have together."""
        return x / y


def with_constants(node: onnx.NodeProto, stored: dict[str, onnx.TensorProto]) -> nn.Module | None:
    """The layer for a node whose inputs, but for the first, are constants; None where onnx2torch's own will do."""
    if node.op_type == "ReduceMean" and (axes := attribute(node, "axes", None)):
        return Mean(list(axes), bool(attribute(node, "keepdims", 1)))
    if node.op_type not in _BY_CONSTANTS or not all(n in stored for n in node.input[1:] if n):
        return None
    constants = [numpy_helper.to_array(stored[name]) if name else None for name in node.input[1:]]
    if node.op_type == "Reshape":
        return Reshape(constants[0].tolist())
    if node.op_type == "Resize":
        return _upsample(node, constants)
    if node.op_type == "Gather":
        return Pick(attribute(node, "axis", 0), int(constants[0])) if constants[0].ndim == 0 else None
    starts, ends, axes, steps = [*constants, None, None][:4]
    steps = [1] * len(starts) if steps is None else steps.tolist()
    if any(step < 1 for step in steps):
        return None  # torch goes forwards only
    axes = range(len(starts)) if axes is None else axes.tolist()
    return Slice(dict(zip(axes, zip(starts.tolist(), ends.tolist(), steps, strict=True), strict=True)))


def _upsample(node: onnx.NodeProto, constants: list[np.ndarray | None]) -> nn.Upsample | None:
    """Of images, by a factor for each side; for what else a Resize can do, onnx2torch's own asks the file each time."""
    mode, (roi, scales, sizes) = _SCALED_BY.get(attribute(node, "mode", b"nearest")), [*constants, None, None, None][:3]
    if mode is None or (roi is not None and roi.size) or scales is None or sizes is not None:
        return None
    if scales.tolist()[:-2] != [1, 1]:
        return None
    aligned = attribute(node, "coordinate_transformation_mode", b"half_pixel") == b"align_corners"
    factors = tuple(scales[2:].tolist())
    return nn.Upsample(scale_factor=factors, mode=mode, align_corners=None if mode == "nearest" else aligned)
