"""How a weight is decoded, step by step: the constants that are stored, and the nodes that make the weight of them.

Integers of n bits lie in n bit planes. Where one value, such as zero, is so frequent that it pays, only the others are
stored, with their places, in whichever form takes the fewest bits for n of N:

    mask   one bit for each of the N                                      N
    gaps   Elias–Fano: the low l bits of each place as they are, the rest as how many 2ˡ it lies further than the
           place before, each written as so many 0 and a 1                n · (l + 1) + N / 2ˡ

The frequent value is no code then, so the codes above it move down by one, and ternary weights need one bit.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgekit.artifacts.unpacking import DOMAIN

_NODES = 8 * 160  # bits that the nodes of a sparse weight take


class Steps:
    """What decodes one weight: constants, and a chain of nodes of which the last gives the weight its name."""

    def __init__(self, name: str):
        self.name = name
        self.constants: list[TensorProto] = []
        self._nodes: list[onnx.NodeProto] = []

    def constant(self, key: str, value: np.ndarray) -> str:
        """Store an array, and say under which name."""
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), f"{self.name}.{key}"))
        return self.constants[-1].name

    def add(self, function: str, *inputs: str, **attributes: int | list[int]) -> str:
        """Add a node, and say what its result is called."""
        result = f"{self.name}.{len(self._nodes)}"
        self._nodes.append(helper.make_node(function, inputs, [result], domain=DOMAIN, **attributes))
        return result

    def named(self) -> list[onnx.NodeProto]:
        """The nodes, once no more will come."""
        if self._nodes:
            self._nodes[-1].output[0] = self.name
        return self._nodes


def codes(steps: Steps, values: np.ndarray, bits: int, signed: bool, sparse: bool) -> str:
    """Integers of `bits` bits, in the shape of `values`.

    Args:
        sparse: leave the most frequent one out where that takes fewer bits.
    """
    flat = values.reshape(-1).astype(np.int32)
    rest = _most_frequent(flat)
    places = np.flatnonzero(flat != rest)
    kept = flat[places] - (flat[places] > rest)
    width = _width(kept, signed)
    if not (sparse and len(places) and _cost(len(places), flat.size)[0] + len(places) * width < flat.size * bits):
        return _integers(steps, "codes", values, bits, signed)
    left_out = steps.constant("rest", np.int32([rest]))
    found = steps.add("Without", _integers(steps, "codes", kept, width, signed), left_out)
    return _spread(steps, found, places, left_out, values.shape)


def spread(steps: Steps, values: np.ndarray) -> None:
    """An array of floats without its zeros, or of 8-bit integers without their most frequent one, if that saves bits.

    Otherwise nothing is added to `steps`.
    """
    flat = values.reshape(-1)
    rest = flat.dtype.type(_most_frequent(flat.astype(np.int32)) if flat.dtype.kind in "iu" else 0)
    places = np.flatnonzero(flat != rest)
    bits, width = _cost(len(places), flat.size)[0], 8 * flat.itemsize
    if len(places) and bits + len(places) * width < flat.size * width:
        kept, left_out = steps.constant("values", flat[places]), steps.constant("rest", rest.reshape(1))
        _spread(steps, kept, places, left_out, values.shape)


def _spread(steps: Steps, values: str, places: np.ndarray, rest: str, shape: tuple[int, ...]) -> str:
    """An array of this shape that holds `values` at these places, counted row by row, and `rest` elsewhere."""
    size = int(np.prod(shape))
    _, low = _cost(len(places), size)
    if low == 0:
        mask = np.zeros(size, np.uint8)
        mask[places] = 1
        return steps.add("Masked", values, _integers(steps, "mask", mask.reshape(shape), 1, False), rest)
    near = _integers(steps, "near", places & (2**low - 1), low, False)
    found = steps.add("Gapped", near, _integers(steps, "far", far(places, low), 1, False), step=2**low)
    return steps.add("Spread", values, found, rest, shape=list(shape))


def _most_frequent(values: np.ndarray) -> int:
    """Of integers; the lowest of those that are equally frequent; 0 if there are none."""
    return int(np.bincount(values - values.min()).argmax() + values.min()) if len(values) else 0


def far(places: np.ndarray, low: int) -> np.ndarray:
    """Ascending places without their low bits: uint8, a 1 for each, after as many 0 as it lies further."""
    ones = np.zeros((int(places[-1]) >> low) + len(places), np.uint8)
    ones[(places >> low) + np.arange(len(places))] = 1
    return ones


def planes(values: np.ndarray, bits: int) -> np.ndarray:
    """The lowest bits of integers in two's complement, plane by plane: (bits, ⌈n / 8⌉, 1) uint8, lowest bit first."""
    flat = values.reshape(-1).astype(np.uint8)  # (n,)
    rows = (flat >> np.arange(bits, dtype=np.uint8)[:, None]) & 1  # (bits, n)
    return np.packbits(rows, axis=1, bitorder="little")[:, :, None]


def _integers(steps: Steps, key: str, values: np.ndarray, bits: int, signed: bool) -> str:
    """Every integer in as many bits; as bytes if there are eight of them."""
    if bits == 8:
        return steps.constant(key, values.astype(np.int8 if signed else np.uint8))
    top = 2 ** (bits - 1)
    worth = np.int8([[*(2**k for k in range(bits - 1)), -top if signed else top]])
    inputs = steps.constant(key, planes(values, bits)), steps.constant(f"{key}_worth", worth)
    return steps.add("Codes", *inputs, shape=list(values.shape))


def _width(values: np.ndarray, signed: bool) -> int:
    """Bits of the widest of these integers, at least one."""
    largest = int(np.maximum(values, ~values).max(initial=0))
    return largest.bit_length() + 1 if signed else max(1, largest.bit_length())


def _cost(count: int, size: int) -> tuple[int, int]:
    """The fewest bits that `count` places among `size` and their nodes take, and with how many low bits; 0: a mask."""
    gaps = ((count * (low + 1) + (size >> low) + _NODES, low) for low in range(1, 8))
    return min((size + _NODES, 0), *gaps)
