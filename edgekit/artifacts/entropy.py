"""Entropy coding: each symbol in about as many bits as it is surprising, −log₂ p, with p counted beforehand.

An asymmetric numeral system (Duda 2013, arXiv:1311.2540) with 14-bit probabilities. The symbols are dealt out in turn
to many coders, which numpy moves together; they write to one stream. Only integers are used, so every machine decodes
what any other wrote.
"""

import numpy as np

_SCALE = 14  # bits of a probability
_WHOLE = 2**_SCALE
_LOWEST = 2**16  # of a coder's state, which has 32 bits and gives them away 16 at a time
_TURNS = 4096  # of each coder, at least


def table(counts: np.ndarray) -> np.ndarray:
    """Probabilities as whole numbers that sum to 2^14, int64 (symbols,); none that was counted is zero."""
    if not counts.sum():
        counts = np.ones_like(counts)
    shares = counts.astype(np.float64) / counts.sum()
    found = np.maximum(np.floor(shares * _WHOLE), counts > 0).astype(np.int64)
    while (missing := _WHOLE - int(found.sum())) != 0:
        largest = int(found.argmax())
        found[largest] += max(missing, -int(found[largest]) // 2)
    return found


def cost(counts: np.ndarray) -> float:
    """Bits that symbols counted so often take in their own table."""
    counted = counts[counts > 0]
    return float(-(counted * np.log2(counted / counted.sum())).sum()) if len(counted) else 0.0


def whole(most: np.ndarray) -> np.ndarray:
    """A table of which the last entry is missing."""
    return np.append(most, _WHOLE - most.sum(dtype=np.int64)).astype(np.int64)


def code(values: np.ndarray, contexts: np.ndarray, tables: list[np.ndarray]) -> bytes:
    """Symbols as bytes.

    Args:
        values: (n,) integers, each less than the length of its table.
        contexts: (n,) of each symbol the number of its table.
        tables: of probabilities, as `table` makes them.
    """
    starts, sizes, firsts = _laid_out(tables)
    count = len(values)
    lanes = _lanes(count)
    filler = int(tables[0].argmax()) if tables else 0
    slots = np.full(_padded(count, lanes), filler)  # where each symbol lies in the line of all tables
    slots[:count] = firsts[contexts] + values
    states, words = np.full(lanes, _LOWEST, np.int64), []
    for row in slots.reshape(-1, lanes)[::-1]:
        size = sizes[row]
        full = states >= size << (32 - _SCALE)
        words.append(states[full] & 0xFFFF)
        states = np.where(full, states >> 16, states)
        states = (states // size << _SCALE) + states % size + starts[row] % _WHOLE
    stream = np.concatenate([np.zeros(0, np.int64), *words[::-1]])
    return states.astype("<u4").tobytes() + stream.astype("<u2").tobytes()


def decoded(data: bytes, contexts: np.ndarray, tables: list[np.ndarray]) -> np.ndarray:
    """The symbols, int64 (n,), from what `code` made of them.

    Raises:
        ValueError: it did not make these bytes.
    """
    starts, sizes, firsts = _laid_out(tables)
    count = len(contexts)
    lanes = _lanes(count)
    bases = np.zeros(_padded(count, lanes), np.int64)
    bases[:count] = contexts
    states = np.frombuffer(data, "<u4", lanes).astype(np.int64)
    stream, place, found = np.frombuffer(data, "<u2", offset=4 * lanes).astype(np.int64), 0, []
    for context in bases.reshape(-1, lanes):
        low = (context << _SCALE) + states % _WHOLE
        row = np.searchsorted(starts, low, "right") - 1
        found.append(row)
        states = sizes[row] * (states >> _SCALE) + low - starts[row]
        empty = states < _LOWEST
        taken = int(empty.sum())
        states[empty] = (states[empty] << 16) | stream[place : place + taken]
        place += taken
    if place < len(stream) or (states != _LOWEST).any():
        raise ValueError("the coders must end where they began")
    return np.concatenate([np.zeros(0, np.int64), *found])[:count] - firsts[contexts]


def _laid_out(tables: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All tables in one line: where each symbol starts, how wide it is, and where the first one of each table is."""
    sizes = np.concatenate([np.zeros(0, np.int64), *tables]).astype(np.int64)
    firsts = np.cumsum([0, *map(len, tables)])[:-1]
    return np.cumsum(sizes) - sizes, sizes, firsts


def _lanes(count: int) -> int:
    return max(1, count // _TURNS)


def _padded(count: int, lanes: int) -> int:
    return -(-count // lanes) * lanes
