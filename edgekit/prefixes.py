"""States that recipes passed through, kept in memory: a recipe that begins like an earlier one goes on from there.

What was trained once is so not trained again when a step behind it is added, removed or set otherwise. A state follows
from the model, the steps, the training samples, the seed, the host and the versions, which make its key; so the file
that comes out is the same, byte for byte, as without. Processes that work together share, in a folder, what took longer
to make than to write.
"""

from __future__ import annotations

import contextlib
import copy
import os
import pickle
import threading
from dataclasses import dataclass
from pathlib import Path

from cachetools import LRUCache

from edgekit.recipe import Compressed

WORTH_KEEPING = 0.05  # seconds that a step took
WORTH_SHARING = 0.1  # seconds that it took to get to a state, more than to write it
BYTES_A_SECOND = 50e6  # that are written
MOST_BYTES = 512 * 2**20  # of all states together; the one that was not asked for the longest goes first


@dataclass(frozen=True)
class Known:
    """A state, and the seconds that it took to get there."""

    state: Compressed
    seconds: float


class Prefixes:
    """The latest states, by key, for any number of threads. What goes in and what comes out are copies.

    Attributes:
        folder: where processes share what took long; nobody else may be able to write to it, as what lies there is
            unpickled. None if this process works alone.
    """

    def __init__(self, most_bytes: int = MOST_BYTES, folder: Path | None = None):
        self._known: LRUCache[str, Known] = LRUCache(most_bytes, lambda known: size(known.state))
        self._lock, self._most_bytes, self.folder = threading.Lock(), most_bytes, folder

    def __len__(self) -> int:
        return len(self._known) + len(self._files())

    def keep(self, key: str, known: Known) -> None:
        """Remember a state, unless it alone takes more than there is for all."""
        private = copy.deepcopy(known)
        with self._lock, contextlib.suppress(ValueError):  # of a value that is too large
            self._known[key] = private
        if self.folder and known.seconds >= WORTH_SHARING + size(known.state) / BYTES_A_SECOND:
            self._share(self.folder / key, private)

    def find(self, key: str) -> Known | None:
        """The state with this key, if it is still there."""
        with self._lock:
            known = self._known.get(key)
        return copy.deepcopy(known) or self._shared(key)

    def _share(self, path: Path, known: Known) -> None:
        whole = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            whole.write_bytes(pickle.dumps(known))
            whole.replace(path)
        except (pickle.PicklingError, AttributeError, TypeError, OSError):  # no other process can load it, or no room
            whole.unlink(missing_ok=True)
        files = self._files()
        while sum(size for _, size, _ in files) > self._most_bytes:
            files.pop(0)[-1].unlink(missing_ok=True)

    def _shared(self, key: str) -> Known | None:
        if self.folder is None:
            return None
        try:
            os.utime(self.folder / key)
            return pickle.loads((self.folder / key).read_bytes())  # by a worker of the same search
        except FileNotFoundError:  # another process may just have made room
            return None

    def _files(self) -> list[tuple[float, int, Path]]:
        """(when it was last asked for, bytes, path) of what is shared, the oldest first."""
        found = []
        for path in self.folder.iterdir() if self.folder and self.folder.is_dir() else ():
            with contextlib.suppress(FileNotFoundError):
                found.append((path.stat().st_mtime, path.stat().st_size, path))
        return sorted(found)


def size(state: Compressed) -> int:
    """About how many bytes a state takes."""
    tensors = [] if state.network is None else [*state.network.parameters(), *state.network.buffers()]
    held = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    held += 0 if state.graph is None else state.graph.ByteSize()
    return held + sum(stored.codes.nbytes for stored in state.encodings.values())


SHARED = Prefixes()  # of this process
