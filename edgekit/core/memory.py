"""Keeps a long-lived server small: what a job has freed goes back to the system.

glibc gives each thread a heap of its own and holds on to what is freed in it; with a thread for every page and job, a
server would grow by 10 MB a run. Elsewhere than on Linux with glibc, these do nothing.
"""

import contextlib
import ctypes
import gc
import platform

_M_ARENA_MAX = -8  # malloc.h
_ARENAS = 2


def share_heaps() -> None:
    """Let all threads that start from now on share two heaps."""
    if libc := _glibc():
        libc.mallopt(_M_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Collect what only refers to itself (pruned networks and their graphs do), and return it to the system."""
    gc.collect()
    if libc := _glibc():
        libc.malloc_trim(0)


def set_aside() -> None:
    """Exempt all that lives now, such as loaded libraries, from garbage collection, which Streamlit does at every run.

    With torch loaded a collection takes long enough for polling pages to starve the job that they wait for.
    """
    gc.collect()
    gc.freeze()


def _glibc() -> ctypes.CDLL | None:
    if platform.libc_ver()[0] != "glibc":
        return None
    with contextlib.suppress(OSError):
        return ctypes.CDLL("libc.so.6")
    return None
