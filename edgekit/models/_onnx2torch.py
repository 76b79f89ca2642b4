"""onnx2torch, imported when the first twin is asked for, also where torchvision has no compiled part."""

import importlib
import threading
from types import ModuleType

import onnx
import torch
from torch import Tensor

_MISSING = ("nms", "qnms")
_one_at_a_time = threading.Lock()


def onnx2torch() -> ModuleType:
    """The package."""
    with _one_at_a_time:  # two jobs may want their first twin at once
        try:
            importlib.import_module("torchvision")  # which onnx2torch imports, for two operators of detectors
        except RuntimeError as error:
            # Beside a torch that its compiled part was not built for, it stops at its own missing operators; to know
            # their signatures is all that it needs then. Not done before: where the compiled part works, it defines
            # them itself, and nobody may have before it.
            if "torchvision::" not in str(error):
                raise
            for name in _MISSING:
                torch.library.define(
                    f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
                )
        package = importlib.import_module("onnx2torch")
        # It indexes by a list of slices, which torch says that it will take for something else.
        package.node_converters.slice._do_slice = _sliced
        # It would infer shapes once more, which takes four times the memory of the file; _twin_shapes.py did.
        package.converter.safe_shape_inference = _as_it_is
        return package


def _sliced(x: Tensor, flipped: list[int], first_axes: list[slice], last_axes: list) -> Tensor:
    x = torch.flip(x, flipped) if flipped else x
    x = x[tuple(first_axes)] if first_axes else x
    return x[tuple(last_axes)] if last_axes else x


def _as_it_is(graph: onnx.ModelProto) -> onnx.ModelProto:
    return graph
