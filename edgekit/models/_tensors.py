"""Sizes of the tensors in an ONNX file, by what they say and by what they hold: part of `_check.py`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from onnx import SparseTensorProto, TensorProto, helper

from edgekit.core.errors import ModelError

DAMAGED = "The file is damaged: export it again."
MOST_DIMENSIONS = 32
_BITS = {"bool": 8, "string": 64}  # the other names carry the number; a text is a pointer
_NAMES = {"FLOAT": "float32", "DOUBLE": "float64"}
_NO_NUMBERS = {TensorProto.INT64, TensorProto.BOOL, TensorProto.STRING}  # but shapes, indices, switches and labels
_TYPES = {number: name for name, number in TensorProto.DataType.items() if name != "UNDEFINED"}


def dtype(kind: int) -> str:
    """The ordinary name of one of ONNX's types: "float32"; "unknown" for a number that stands for none."""
    name = _TYPES.get(kind, "unknown")
    return _NAMES.get(name, name.lower())


def bytes_of(kind: str, shape: Sequence[int]) -> int:
    """Bytes that a tensor takes, by the name of its type; 4-bit and 2-bit numbers are packed."""
    bits = _BITS.get(kind) or int(re.search(r"\d+", kind)[0])
    return (math.prod(shape) * bits + 7) // 8


def size(tensor: TensorProto) -> tuple[int, int]:
    """How many numbers of weights a tensor holds, and how many bytes it takes.

    Raises:
        ModelError: it lies in another file, its shape makes no sense, or it does not hold what that says.
    """
    name = said(tensor.name)
    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        raise ModelError(
            f"the file must hold all its weights, but the tensor {name} lies in another file. "
            "Save it as one: onnx.save(onnx.load(path), 'network.onnx')."
        )
    if tensor.data_type not in _TYPES:
        raise ModelError(
            f"every tensor must be of one of ONNX's types, but {name} is of type {tensor.data_type}. {DAMAGED}"
        )
    shape = _shape(tensor.dims, name)
    elements, taken = math.prod(shape), bytes_of(dtype(tensor.data_type), shape)
    if tensor.data_type == TensorProto.STRING:
        needed, held, unit = elements, len(tensor.string_data), "texts"
    elif tensor.HasField("raw_data"):
        needed, held, unit = taken, len(tensor.raw_data), "bytes"
    else:
        held, unit = len(getattr(tensor, helper.tensor_dtype_to_field(tensor.data_type))), "numbers"
        per_element = 2 if tensor.data_type in (TensorProto.COMPLEX64, TensorProto.COMPLEX128) else 1
        needed = min(taken, elements * per_element)  # packed numbers share one of theirs
    if held != needed:
        raise ModelError(
            f"the tensor {name} must fill its shape with {counted(needed)} {unit}, but it holds {held:,}. {DAMAGED}"
        )
    return (
        0 if tensor.data_type in _NO_NUMBERS else elements,
        sum(map(len, tensor.string_data)) if unit == "texts" else taken,
    )


def filled(sparse: SparseTensorProto) -> int:
    """Bytes that a sparse tensor takes once it is filled up with zeros, as ONNX Runtime does.

    Raises:
        ModelError: its shape makes no sense.
    """
    return bytes_of(dtype(sparse.values.data_type), _shape(sparse.dims, said(sparse.values.name)))


def counted(number: int) -> str:
    """A number as it may stand in a message: a file can ask for one of thousands of digits."""
    return f"{number:,}" if number < 10**18 else "more than 10^18"


def said(name: str | bytes) -> str:
    """A name from a file as it may stand in a message: short, on one line, with nothing that cannot be read."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text(name)[:61])
    return f"'{shown[:60]}…'" if len(shown) > 60 else f"'{shown}'"


def text(name: str | bytes) -> str:
    """A name from a file, which protobuf gives as bytes where it is no text.

    Raises:
        ModelError: it is no text.
    """
    if isinstance(name, bytes):
        raise ModelError(f"every name in the file must be text in UTF-8, but {name[:20]!r} is not. {DAMAGED}")
    return name


def _shape(dims: Sequence[int], name: str) -> tuple[int, ...]:
    if len(dims) > MOST_DIMENSIONS:
        raise ModelError(
            f"a tensor must have at most {MOST_DIMENSIONS} dimensions, but {name} has {len(dims):,}. {DAMAGED}"
        )
    if wrong := [dim for dim in dims if not 0 <= dim < 2**31]:
        raise ModelError(
            f"every dimension of a tensor must be from 0 to 2,147,483,647, but {name} has one of {wrong[0]:,}. "
            f"{DAMAGED}"
        )
    return tuple(dims)
