"""States that recipes passed through, kept in memory: a recipe that begins like an earlier one goes on from there.

What was trained once is so not trained again when a step behind it is added, removed or set otherwise. A state follows
from the model, the steps, the training samples, the seed, the host and the versions, which make its key; so the file
that comes out is the same, byte for byte, as without.
"""

from __future__ import annotations

import contextlib
import copy
import threading
from dataclasses import dataclass

from cachetools import LRUCache

from edgekit.recipe import Compressed

WORTH_KEEPING = 0.2  # seconds that a step took
MOST_BYTES = 512 * 2**20  # of all states together; the one that was not asked for the longest goes first


@dataclass(frozen=True)
class Known:
    """A state, and the seconds that it took to get there."""

    state: Compressed
    seconds: float


class Prefixes:
    """The latest states, by key, for any number of threads. What goes in and what comes out are copies."""

    def __init__(self, most_bytes: int = MOST_BYTES):
        self._known: LRUCache[str, Known] = LRUCache(most_bytes, lambda known: size(known.state))
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._known)

    def keep(self, key: str, known: Known) -> None:
        """Remember a state, unless it alone takes more than there is for all."""
        private = copy.deepcopy(known)
        with self._lock, contextlib.suppress(ValueError):  # of a value that is too large
            self._known[key] = private

    def find(self, key: str) -> Known | None:
        """The state with this key, if it is still there."""
        with self._lock:
            known = self._known.get(key)
        return copy.deepcopy(known)


def size(state: Compressed) -> int:
    """About how many bytes a state takes."""
    tensors = [] if state.network is None else [*state.network.parameters(), *state.network.buffers()]
    held = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    held += 0 if state.graph is None else state.graph.ByteSize()
    return held + sum(stored.codes.nbytes for stored in state.encodings.values())


SHARED = Prefixes()  # of this process
