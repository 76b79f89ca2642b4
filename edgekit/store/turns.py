"""One process at a time makes a run: two that are asked for the same one measure it once.

On one machine a lock file tells, on several the database does. Both are let go of when a process ends, however it ends.
Threads of one process do not wait for one another: its jobs have an order of their own, in which a long one rests until
a short one is done.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import Engine

from edgekit.store import postgres
from edgekit.store.database import in_plain_words, on_disk

LOOK_AGAIN_SECONDS = 0.1


@dataclass
class _Held:
    """How many threads of this process are in, and what lets the next process in after the last of them."""

    threads: int
    release: Callable[[], None]


class Turns:
    """Locks by name, in a folder or in a PostgreSQL database."""

    def __init__(self, engine: Engine, folder: Path):
        self._engine, self._folder = engine, folder
        self._mine: dict[str, _Held] = {}
        self._guard = threading.Lock()

    @contextlib.contextmanager
    def alone(self, name: str, wait: Callable[[], None]) -> Iterator[None]:
        """Be the only process that is in here with this name.

        Args:
            wait: called again and again while another process is; what it raises ends the waiting.
        """
        while not self._taken(name):
            wait()
            time.sleep(LOOK_AGAIN_SECONDS)
        try:
            yield
        finally:
            with self._guard:
                held = self._mine[name]
                held.threads -= 1
                if not held.threads:
                    del self._mine[name]
                    held.release()

    def _taken(self, name: str) -> bool:
        with self._guard:
            if name in self._mine:
                self._mine[name].threads += 1
                return True
            release = self._lock(name)
            if release is None:
                return False
            self._mine[name] = _Held(1, release)
            return True

    def _lock(self, name: str) -> Callable[[], None] | None:
        """What lets go of a lock that this process now has; None if another process has it."""
        if self._engine.dialect.name == "postgresql":
            with in_plain_words(self._engine):
                return postgres.lock(self._engine, f"edgekit makes {name}")
        path = self._folder / f"{name}.lock"
        with on_disk(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path, thread_local=False)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                return None

        def release() -> None:
            with contextlib.suppress(OSError):  # Windows removes no file that is open; it is a few bytes
                path.unlink(missing_ok=True)
            lock.release()

        return release
