"""Runs an ONNX file once in ONNX Runtime on made-up inputs: part of `quarantine.py`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
import onnxruntime

from edgekit.core.errors import ModelError
from edgekit.models._tensors import said
from edgekit.models.facts import Port

FREE_SIZES = 8, 64, 1, 224  # tried in turn for free dimensions after the first: sequences, images, and what adds up
_MOST_ELEMENTS = 2**24  # of an input with free dimensions
_READ_LETTERS, _REASON_LETTERS = 4000, 300
_NO_ROOM = re.compile(r"Failed to allocate memory|bad_alloc|bad allocation")
_TOO_NEW = re.compile(r"(?:support for domain (\S+) is till opset|max supported (IR) version:) (\d+)")
_CODE = re.compile(r"\[ONNXRuntimeError\] : \d+ : \w+ : ")
# a line of its source, and the function there
_PLACE = re.compile(r"\S+[/\\]onnxruntime[/\\]\S+:\d+ .*?\)(?:::\S+)? (?:const )?(?:\[with [^\]]*\] )?")


def tried(data: bytes, inputs: Sequence[Port]) -> str:
    """Why ONNX Runtime could not run a file; "" if it did.

    Args:
        data: the whole file. It was looked through before, and refers to no other.

    Raises:
        ModelError: it is written in newer operators than this ONNX Runtime knows.
        MemoryError: it needs more than this process may take.
    """
    try:
        session = _session(data)
    except Exception as error:  # ONNX Runtime's exceptions have no base class of their own
        return _reason(error)
    reasons = []
    free = any(port.shape is None or None in port.shape[1:] for port in inputs)
    for size in FREE_SIZES if free else FREE_SIZES[:1]:
        try:
            session.run(None, {port.name: _made_up(port, size) for port in inputs})
            return ""
        except _Unknown as unknown:
            return str(unknown)
        except Exception as error:
            reasons.append(_reason(error))
    return reasons[0]


class _Unknown(Exception):
    """An input for which there are no made-up values."""


def _session(data: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # nobody reads it
    options.add_session_config_entry("session.load_model_format", "ONNX")  # bytes may be of its own format as well
    # without the second try that it makes otherwise, which it prints
    return onnxruntime.InferenceSession(data, options, ["CPUExecutionProvider"], enable_fallback=0)


def _made_up(port: Port, size: int) -> np.ndarray:
    """Random values, the same every time; the first dimension is 1 where it is free, others `size`."""
    dims = (None, None) if port.shape is None else port.shape
    shape = [(1 if place == 0 else size) if dim is None else dim for place, dim in enumerate(dims)]
    if math.prod(shape) > _MOST_ELEMENTS:
        shape = [1 if dim is None else dim for dim in dims]
    generator = np.random.default_rng(0)
    if port.dtype in ("float16", "float32", "float64"):
        return generator.standard_normal(shape).astype(port.dtype)
    if re.fullmatch(r"u?int(8|16|32|64)|bool", port.dtype):
        return generator.integers(0, 2, shape).astype(port.dtype)  # small enough for an index into any table
    if port.dtype == "string":
        return np.full(shape, "text", object)
    raise _Unknown(f"the input {said(port.name)} is of type {port.dtype}, for which there are no made-up values")


def _reason(error: Exception) -> str:
    """ONNX Runtime's reason in one line, without the places in its source."""
    words = " ".join(str(error)[:_READ_LETTERS].split())  # names in it may be as long as the file
    if isinstance(error, MemoryError) or _NO_ROOM.search(words):
        raise MemoryError from None
    if newer := _TOO_NEW.search(words):
        what = f"operators of {newer[1]}" if newer[1] else "the format"
        raise ModelError(
            f"the file must be one that ONNX Runtime can read, but it reads {what} up to version {newer[3]}, and the "
            "file is newer. Install a newer onnxruntime, or export with an older opset."
        ) from None
    words = _CODE.sub("", _PLACE.sub("", words)).rstrip(".")
    words = "".join(letter if letter.isprintable() else "?" for letter in words)
    return words if len(words) <= _REASON_LETTERS else words[: _REASON_LETTERS - 1] + "…"
