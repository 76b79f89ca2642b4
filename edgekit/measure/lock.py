"""One timing at a time on this host, and nothing else of ours running beside it.

`with quiet():` holds a lock file in the temporary folder, so it excludes other threads, processes and servers alike.
Whoever does long work wraps its progress in `yielding`: it then rests, at its next step, for as long as somebody times.
The operating system lets go of the lock when its holder ends, however it ends. As a step may take longer than a timing,
workers that know each other also stop the others for that while: see `meanwhile`.
"""

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from filelock import FileLock, Timeout

from edgekit.core.errors import MeasureError
from edgekit.core.progress import Progress, silent

LOOK_AGAIN_SECONDS = 0.02
WAITING = "waiting for another measurement to end"

_held = threading.local()  # .depth: how often this thread is inside `quiet`
_meanwhile: Callable[[], AbstractContextManager] = nullcontext


def meanwhile(stay: Callable[[], AbstractContextManager]) -> None:
    """From now on, whatever this process times is timed inside the context that `stay` makes."""
    global _meanwhile
    _meanwhile = stay


@contextmanager
def quiet(progress: Progress = silent) -> Iterator[None]:
    """Hold the host to oneself; wait until nobody else does. A thread that already holds it goes straight in.

    Args:
        progress: called while waiting, so that Cancel works.
    """
    if _depth():
        yield
        return
    lock = _lock()
    while not _taken(lock, LOOK_AGAIN_SECONDS):
        progress(0.0, WAITING)
    _held.depth = 1
    try:
        with _meanwhile():
            yield
    finally:
        _held.depth = 0
        lock.release()


def rest_while_others_measure(progress: Progress = silent) -> None:
    """Return at once if nobody times anything, else when they are done."""
    if _depth():
        return
    lock = _lock()
    while not _taken(lock, 0):
        progress(0.0, WAITING)
        threading.Event().wait(LOOK_AGAIN_SECONDS)
    lock.release()


def yielding(progress: Progress) -> Progress:
    """The same progress for long work: a call first lets those who time something finish.

    Looking for them takes about a millisecond, so that calls which follow each other at once look once.
    """
    looked = -LOOK_AGAIN_SECONDS

    def report(fraction: float, what: str) -> None:
        nonlocal looked
        progress(fraction, what)
        if time.monotonic() - looked >= LOOK_AGAIN_SECONDS:
            rest_while_others_measure(lambda _, waiting: progress(fraction, waiting))
            looked = time.monotonic()

    return report


def holding() -> bool:
    """Whether this thread holds the host to itself: then it must not rest, or whoever waits for it rests for ever."""
    return _depth() > 0


def lock_file() -> Path:
    """The same for every user and process of this host."""
    return Path(tempfile.gettempdir()) / "edgekit-measuring.lock"


def _lock() -> FileLock:
    return FileLock(lock_file(), mode=0o666, poll_interval=LOOK_AGAIN_SECONDS / 4)  # another user may hold it next


def _taken(lock: FileLock, seconds: float) -> bool:
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        return False
    except OSError as error:
        raise MeasureError(
            f"EdgeKit must be able to write {lock.lock_file}, by which its processes take turns at measuring, but the "
            f"system says: {error.strerror}. Remove it, or set TMPDIR to a folder that you may write in."
        ) from None
    return True


def _depth() -> int:
    return getattr(_held, "depth", 0)
