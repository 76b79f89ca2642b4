"""What follows from the same network and the same samples is reckoned once: the latest answers, kept in memory.

Recipes of a search look at one network over and over: what its activations hold, what its layers' inputs correlate
with, what a layer at 3 bits does to its answers. None of that depends on the setting that they differ in.
"""

from __future__ import annotations

import hashlib
import pickle
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import onnx
import torch
from cachetools import LRUCache
from torch import Tensor, nn

MOST_BYTES = 256 * 2**20  # of all answers; the one that was not asked for the longest goes first

Answer = TypeVar("Answer")

_OF_EVERY_MODULE = set(vars(nn.Module())) - {"training"}
_answers: LRUCache[str, bytes] = LRUCache(MOST_BYTES, len)
_lock = threading.Lock()


def once(what: str, about: tuple, reckon: Callable[[], Answer]) -> Answer:
    """The answer of `reckon`, or an equal copy of what it gave before for the same `about`.

    Args:
        what: is reckoned, so that two questions about the same things are two.
        about: all that the answer follows from: networks, graphs, arrays, and plain values.
        reckon: gives arrays, tensors, and plain values of them; what is kept are copies.
    """
    key = _digest((what, *about))
    with _lock:
        kept = _answers.get(key)
    if kept is not None:
        return pickle.loads(kept)  # what this process wrote itself
    found = reckon()
    kept = pickle.dumps(found, pickle.HIGHEST_PROTOCOL)
    if len(kept) < MOST_BYTES // 4:
        with _lock:
            _answers[key] = kept
    return found


def forget() -> None:
    """Reckon everything anew from now on."""
    with _lock:
        _answers.clear()


def _digest(things: Any) -> str:
    digest = hashlib.blake2b(digest_size=16)
    _take_in(digest, things)
    return digest.hexdigest()


def _take_in(digest: hashlib.blake2b, thing: Any) -> None:
    """Feed all that a thing is to a digest, with its kind, so that no two unlike things look alike."""
    digest.update(f"{type(thing).__module__}.{type(thing).__qualname__}(".encode())
    match thing:
        case nn.Module():
            for name, module in thing.named_modules():
                _take_in(digest, (name, type(module), _settings(module)))
            _take_in(digest, [*thing.named_parameters(), *thing.named_buffers()])
        case onnx.ModelProto():
            digest.update(thing.SerializeToString(deterministic=True))
        case Tensor():
            digest.update(f"{thing.dtype}{tuple(thing.shape)}".encode())
            digest.update(thing.detach().contiguous().flatten().view(torch.uint8).numpy().data)
        case np.ndarray():
            digest.update(f"{thing.dtype.str}{thing.shape}".encode())
            digest.update(np.ascontiguousarray(thing).data)
        case dict():
            for key, value in thing.items():
                _take_in(digest, (key, value))
        case list() | tuple():
            for value in thing:
                _take_in(digest, value)
        case _:
            digest.update(repr(thing).encode())  # of an object that cannot tell what it is, its address: never found
    digest.update(b")")


def _settings(module: nn.Module) -> dict[str, Any]:
    """What a module was set to, beside its weights, its modules, and who watches it."""
    return {name: value for name, value in vars(module).items() if name not in _OF_EVERY_MODULE}
