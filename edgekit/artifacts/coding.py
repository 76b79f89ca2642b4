"""A coded form of a file, for shipping and storing: the file comes back byte for byte; no runtime reads it as it is.

What a packed file holds in fixed numbers of bits is coded in as many as it is worth, as Deep Compression's Huffman
stage does (Han et al. 2016, arXiv:1510.00149), only to fractions of a bit. Codes by how frequent they are in their
layer; where weights are that are not zero, by how full their row and their column are; floats byte by byte, since signs
and exponents repeat. All the rest, and any file for which this does not pay, goes through zstd.
"""

import zlib
from collections.abc import Iterable

import numpy as np
import zstandard
from google.protobuf.message import DecodeError

from edgekit.artifacts.entropy import code, decoded, whole
from edgekit.artifacts.pieces import NUMBERS, contexts, pieces, restored, sizes
from edgekit.core.errors import ModelError
from edgekit.core.progress import Progress, part, silent

ZIPPED_AT_ONCE = 2**20
MOST_AT_FULL_LEVEL = 2**26  # bytes; the last per cent would take minutes of a larger file
_PLAIN, _CODED = b"EK0", b"EK1"
_MOST = 2**25  # bytes; a larger file only goes through zstd, since symbols take memory
_END = 0  # of the numbers; a piece starts with its distance from the one before, plus 1


def encode(data: bytes, zipped: bytes | None = None, progress: Progress = silent) -> bytes:
    """The coded form of a file: at most seven bytes longer than what zstd makes of it, whatever the file is.

    Args:
        zipped: what `zip_up` makes of it, where that is known; it takes longer than all the rest.
    """
    plain = _PLAIN + _checksum(data) + (zip_up(data, part(progress, 0, 0.6)) if zipped is None else zipped)
    progress(0.6, "coding")
    coded = _coded(data) if len(data) <= _MOST else b""
    progress(0.9, "decoding again")
    return coded if coded and len(coded) < len(plain) and decode(coded) == data else plain


def zip_up(data: bytes, progress: Progress = silent) -> bytes:
    """What zstd makes of some bytes, a megabyte at a time, so that Cancel works while it does."""
    compressor = zstandard.ZstdCompressor(level=zstd_level(len(data))).compressobj(size=len(data))
    found = []
    for start in range(0, len(data), ZIPPED_AT_ONCE):
        progress(start / len(data), "compressing for shipping")
        found.append(compressor.compress(data[start : start + ZIPPED_AT_ONCE]))
    return b"".join([*found, compressor.flush()])


def zstd_level(size: int) -> int:
    """How hard zstd tries with a file of so many bytes."""
    return 19 if size <= MOST_AT_FULL_LEVEL else 9


def _unzipped(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(data)


def decode(data: bytes) -> bytes:
    """The file whose coded form this is.

    Raises:
        ModelError: these are not the bytes that `encode` made.
    """
    kind, checksum, rest = data[:3], data[3:7], data[7:]
    ways = {_PLAIN: _unzipped, _CODED: _restored}
    try:
        if kind in ways and _checksum(found := ways[kind](rest)) == checksum:
            return found
    except (zstandard.ZstdError, ValueError, LookupError):
        pass
    raise ModelError(
        f"a coded file must be one that `python -m edgekit pack` wrote, but these {len(data):,} bytes are not, or not "
        "all of them. Pack the .onnx file again."
    )


def _coded(data: bytes) -> bytes:
    """Checksum, length of the head, the head through zstd, raw bytes, symbols; nothing if it is no ONNX file.

    The head: what the pieces are, tables, classes, and what lies between the pieces.
    """
    try:
        found = pieces(data)
    except (DecodeError, ValueError, LookupError):
        return b""
    numbers, between, end = [], [], 0
    for piece in found:
        numbers += [piece.start - end + 1, *piece.numbers]
        between.append(data[end : piece.start])
        end = piece.start + piece.length
    between.append(data[end:])
    tables = [one for piece in found for one in piece.tables]
    head = zip_up(
        b"".join(
            [
                _varints([*numbers, _END]),
                *(one[:-1].astype("<u2").tobytes() for one in tables),  # the last follows from the sum
                *(piece.classes.tobytes() for piece in found),
                *between,
            ]
        )
    )
    raw = b"".join(piece.raw for piece in found)
    each = _all_contexts((piece.numbers, piece.classes) for piece in found)
    stream = code(_joined(piece.values for piece in found), _joined(each), tables)
    return b"".join([_CODED, _checksum(data), _varints([len(head)]), head, raw, stream])


def _restored(data: bytes) -> bytes:
    (length,), place = _read_varints(data, 0, 1)
    head = _unzipped(data[place : place + length])
    rest, kinds, gaps, at = data[place + length :], [], [], 0
    while True:
        (gap,), at = _read_varints(head, at, 1)
        if gap == _END:
            break
        (kind,), at = _read_varints(head, at, 1)
        more, at = _read_varints(head, at, NUMBERS[kind])
        gaps.append(gap - 1)
        kinds.append([kind, *more])
    tables, classes, raws = [], [], []
    for width in (width for numbers in kinds for width in sizes(numbers)[0]):
        tables.append(whole(np.frombuffer(head, "<u2", width - 1, at)))
        at += 2 * (width - 1)
    for numbers in kinds:
        count = sizes(numbers)[1]
        classes.append(np.frombuffer(head, np.uint8, count, at))
        at += count
    for numbers in kinds:
        count = sizes(numbers)[2]
        raws.append(rest[:count])
        rest = rest[count:]
    each = _all_contexts(zip(kinds, classes, strict=True))
    values = decoded(rest, _joined(each), tables)
    parts, places, done = [], np.zeros(0, np.int64), 0
    for numbers, gap, raw, context in zip(kinds, gaps, raws, each, strict=True):
        found, places = restored(numbers, values[done : done + len(context)], raw, places)
        parts += [head[at : at + gap], found]
        at, done = at + gap, done + len(context)
    return b"".join([*parts, head[at:]])


def _all_contexts(found: Iterable[tuple[list[int], np.ndarray]]) -> list[np.ndarray]:
    """For each piece, by its numbers and classes, the table of every symbol, counted through the whole file."""
    every, first = [], 0
    for numbers, classes in found:
        every.append(contexts(numbers, classes) + first)
        first += len(sizes(numbers)[0])
    return every


def _joined(parts: Iterable[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0, np.int64), *parts])


def _checksum(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "little")


def _varints(numbers: Iterable[int]) -> bytes:
    """Whole numbers, seven bits a byte, lowest first; the eighth says that more follow."""
    found = bytearray()
    for number in numbers:
        while number >= 128:
            found.append(number & 127 | 128)
            number >>= 7
        found.append(number)
    return bytes(found)


def _read_varints(data: bytes, place: int, count: int) -> tuple[list[int], int]:
    """So many numbers, and where the next one starts."""
    found = []
    for _ in range(count):
        number = shift = 0
        while data[place] >= 128:
            number |= (data[place] & 127) << shift
            place, shift = place + 1, shift + 7
        found.append(number | data[place] << shift)
        place += 1
    return found, place
