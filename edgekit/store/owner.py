"""Which process works on a run, and whether that process still lives.

Told by a file lock that the system lets go of when a process ends, however it ends. Process numbers would not do: they
are used again, and a container starts at the same ones each time.
"""

import functools
import os
import socket
import time
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout

STALE_SECONDS = 60  # a lock file younger than this may belong to a process that is just about to lock it


def owner() -> str:
    """This process: "host:pid:start", never the same again."""
    return _owner(os.getpid())


def hold(folder: Path) -> FileLock:
    """Show in `folder` that this process lives, until every lock that it was given is released, or it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(_path(folder, owner()), is_singleton=True, thread_local=False)
    lock.acquire(timeout=0)
    return lock


def is_alive(folder: Path, name: str, *, everywhere: bool = True) -> bool:
    """Whether the process called `name` by its `owner()` still lives.

    Args:
        folder: where it called `hold`.
        everywhere: whether all hosts share this folder; if not, processes of other hosts count as alive.
    """
    if name == owner():
        return True
    if not everywhere and name.split(":")[0] != socket.gethostname():
        return True
    path = _path(folder, name)
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0, thread_local=False):
            pass
    except Timeout:
        return True
    if time.time() - path.stat().st_mtime > STALE_SECONDS:
        path.unlink(missing_ok=True)
    return False


def _path(folder: Path, name: str) -> Path:
    return folder / f"{quote(name, safe='')}.lock"


@functools.cache
def _owner(pid: int) -> str:
    return f"{socket.gethostname()}:{pid}:{time.time_ns() // 1_000_000}"
