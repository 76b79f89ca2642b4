"""The stored numbers of a file as symbols that can be coded in few bits, and back again.

A piece is a stretch of the file: the raw bytes of one tensor. What kind of numbers they are is read from the nodes that
decode them; see edgekit/artifacts/decoding.py.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import onnx

from edgekit.artifacts.decoding import far, planes
from edgekit.artifacts.entropy import cost, table
from edgekit.artifacts.unpacking import DOMAIN

CODES, BYTES, MASK, NEAR, FAR = range(5)
NUMBERS = {CODES: 2, BYTES: 3, MASK: 3, NEAR: 4, FAR: 1}  # that follow the kind
_CLASSES = (1, 2, 4, 8)  # of rows, and of columns, tried
_SHORTEST = 32  # bytes of a tensor that is worth a piece
_TABLE = 12  # bits that an entry of a table takes, about
_WORTH_IT = 0.98  # bytes that do not shrink to so much stay as they are


@dataclass(frozen=True)
class Piece:
    """One stretch of a file.

    Attributes:
        start, length: where it lies, in bytes.
        numbers: its kind, and what its symbols need to become bytes again.
        classes: uint8, of its rows and then of its columns, where those matter.
        values: the symbols.
        tables: of probabilities; which symbol has which, `contexts` tells.
        raw: bytes that are as good as random, as they are.
    """

    start: int
    length: int
    numbers: list[int]
    values: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    tables: list[np.ndarray] = field(default_factory=list)
    classes: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint8))
    raw: bytes = b""


def pieces(data: bytes) -> list[Piece]:
    """The pieces of an ONNX file, in the order in which they lie in it.

    Raises:
        google.protobuf.message.DecodeError: it is none.
    """
    body = onnx.load_model_from_string(data).graph
    stored = {tensor.name: tensor for tensor in body.initializer}
    roles, found, end = _roles(body, stored), [], 0
    for tensor in body.initializer:
        raw = tensor.raw_data
        if tensor.name in roles or len(raw) >= _SHORTEST:
            start = data.index(raw, end)
            end = start + len(raw)
            found.append(_piece(start, raw, roles.get(tensor.name) or _Bytes(_width(tensor))))
    return found


def contexts(numbers: list[int], classes: np.ndarray) -> np.ndarray:
    """For every symbol of a piece, which of its tables it has."""
    kind, *shape = numbers
    if kind == CODES:
        return np.zeros(shape[1], np.int64)
    if kind == BYTES:
        count, _, coded = shape
        return np.repeat(np.arange(coded.bit_count()), count)
    if kind in (MASK, NEAR):
        rows, columns, groups = shape[:3]
        return (classes[:rows, None].astype(np.int64) * groups + classes[None, rows : rows + columns]).reshape(-1)
    return np.zeros(0, np.int64)


def sizes(numbers: list[int]) -> tuple[list[int], int, int]:
    """Of a piece: how many symbols each of its tables has, how many classes there are, and how many raw bytes."""
    kind, *shape = numbers
    if kind == CODES:
        return [2 ** shape[0]], 0, 0
    if kind == BYTES:
        count, width, coded = shape
        return [256] * coded.bit_count(), 0, count * (width - coded.bit_count())
    if kind in (MASK, NEAR):
        return [2] * shape[2] ** 2, shape[0] + shape[1], 0
    return [], 0, 0


def restored(numbers: list[int], values: np.ndarray, raw: bytes, before: np.ndarray) -> tuple[bytes, np.ndarray]:
    """The bytes of a piece from its symbols, and the places that it tells.

    Args:
        before: the places that the piece before it told.
    """
    kind, *shape = numbers
    if kind == CODES:
        return planes(values, shape[0]).tobytes(), before
    if kind == BYTES:
        count, width, coded = shape
        rows = np.zeros((width, count), np.uint8)
        is_coded = np.array([coded >> place & 1 for place in range(width)], bool)
        rows[is_coded] = values.reshape(-1, count)
        rows[~is_coded] = np.frombuffer(raw, np.uint8).reshape(-1, count)
        return rows.T.tobytes(), before
    if kind == MASK:
        return planes(values, 1).tobytes(), before
    if kind == NEAR:
        places = np.flatnonzero(values)
        return planes(places & (2 ** shape[3] - 1), shape[3]).tobytes(), places
    return planes(far(before, shape[0]), 1).tobytes(), before


@dataclass(frozen=True)
class _Codes:
    """Bit planes of integers."""

    bits: int
    count: int


@dataclass(frozen=True)
class _Bytes:
    """Numbers of so many bytes."""

    width: int


@dataclass(frozen=True)
class _Places:
    """Where the values of an array lie: as a mask, or the near half of gaps, whose far half is another tensor."""

    shape: tuple[int, ...]
    low: int = 0
    far: bytes = b""


@dataclass(frozen=True)
class _Far:
    """The far half of gaps."""

    low: int


_Role = _Codes | _Bytes | _Places | _Far


def _roles(body: onnx.GraphProto, stored: dict[str, onnx.TensorProto]) -> dict[str, _Role]:
    """What the tensors are from which packed weights are decoded."""
    makers = {name: node for node in body.node if node.domain == DOMAIN for name in node.output}
    codes = {name: node for name, node in makers.items() if node.op_type == "Codes" and node.input[0] in stored}
    roles: dict[str, _Role] = {}
    for node in codes.values():
        roles[node.input[0]] = _Codes(stored[node.input[0]].dims[0], math.prod(_ints(node)))
    for node in makers.values():
        if node.op_type == "Masked" and node.input[1] in codes:
            mask = codes[node.input[1]]
            roles[mask.input[0]] = _Places(_ints(mask))
        if node.op_type == "Spread" and makers[node.input[1]].op_type == "Gapped":
            gaps = makers[node.input[1]]
            near, rest = (codes[name].input[0] for name in gaps.input)
            low = stored[near].dims[0]
            roles |= {near: _Places(_ints(node), low, stored[rest].raw_data), rest: _Far(low)}
    return roles


def _piece(start: int, raw: bytes, role: _Role) -> Piece:
    if isinstance(role, _Far):
        return Piece(start, len(raw), [FAR, role.low])
    if isinstance(role, _Codes):
        values = _from_planes(raw, role.bits, role.count)
        counts = np.bincount(values, minlength=2**role.bits)
        return Piece(start, len(raw), [CODES, role.bits, role.count], values, [table(counts)])
    if isinstance(role, _Places):
        return _places(start, raw, role)
    return _bytes(start, raw, role.width)


def _bytes(start: int, raw: bytes, width: int) -> Piece:
    """Of every number the first byte, the second, …: each in a table of its own, or as it is."""
    rows, coded = np.frombuffer(raw, np.uint8).reshape(-1, width).T, 0
    tables, values, rest = [], [np.zeros(0, np.uint8)], []
    for place, row in enumerate(rows):
        counts = np.bincount(row, minlength=256)
        if cost(counts) + _TABLE * np.count_nonzero(counts) < _WORTH_IT * 8 * len(row):
            coded |= 1 << place
            values.append(row)
            tables.append(table(counts))
        else:
            rest.append(row.tobytes())
    numbers = [BYTES, rows.shape[1], width, coded]
    return Piece(start, len(raw), numbers, np.concatenate(values), tables, raw=b"".join(rest))


def _places(start: int, raw: bytes, role: _Places) -> Piece:
    """A mask by rows and columns, which are sorted into classes by how full they are."""
    rows, size = role.shape[0], math.prod(role.shape)
    if role.low:
        flags = np.unpackbits(np.frombuffer(role.far, np.uint8), bitorder="little")
        ones = np.flatnonzero(flags)
        near = _from_planes(raw, role.low, len(ones))
        mask = np.zeros(size, np.uint8)
        mask[((ones - np.arange(len(ones))) << role.low) + near] = 1
    else:
        mask = _from_planes(raw, 1, size)
    mask = mask.reshape(rows, -1)
    best = min((_in_classes(mask, groups) for groups in _CLASSES), key=lambda one: one[0])
    _, groups, classes, counts = best
    kind = [NEAR, *mask.shape, groups, role.low] if role.low else [MASK, *mask.shape, groups]
    tables = [table(pair) for pair in counts]
    return Piece(start, len(raw), kind, mask.reshape(-1), tables, classes)


def _in_classes(mask: np.ndarray, groups: int) -> tuple[float, int, np.ndarray, np.ndarray]:
    """Bits that a mask takes with so many classes of rows and of columns, the classes, and what to count in each."""
    rows, columns = (_classes(mask.mean(axis), groups) for axis in (1, 0))
    context = (rows[:, None].astype(np.int64) * groups + columns).reshape(-1)
    counts = np.bincount(2 * context + mask.reshape(-1), minlength=2 * groups**2).reshape(-1, 2)
    bits = sum(map(cost, counts)) + sum(cost(np.bincount(one)) for one in (rows, columns)) + _TABLE * groups**2
    return bits, groups, np.concatenate([rows, columns]), counts


def _classes(fullness: np.ndarray, groups: int) -> np.ndarray:
    """Equally many in each class, as far as equal ones allow."""
    borders = np.quantile(fullness, np.arange(1, groups) / groups)
    return np.searchsorted(borders, fullness, side="right").astype(np.uint8)


def _from_planes(raw: bytes, bits: int, count: int) -> np.ndarray:
    rows = np.unpackbits(np.frombuffer(raw, np.uint8).reshape(bits, -1), axis=1, bitorder="little")  # (bits, ≥ count)
    return (rows[:, :count] << np.arange(bits, dtype=np.uint8)[:, None]).sum(0, dtype=np.int64)


def _ints(node: onnx.NodeProto) -> tuple[int, ...]:
    """The shape that a node is told."""
    return tuple(next(a.ints for a in node.attribute if a.name == "shape"))


def _width(tensor: onnx.TensorProto) -> int:
    """Bytes of one number; 1 where it has no whole ones."""
    return len(tensor.raw_data) // max(1, math.prod(tensor.dims)) or 1
