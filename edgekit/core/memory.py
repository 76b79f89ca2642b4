"""Keeps a long-lived server small: what a job has freed goes back to the system.

glibc gives each thread a heap of its own and holds on to what is freed in it, the more so the larger the arrays that it
has seen; with a thread for every page and job, a server would grow by 10 MB a run. So arrays of a megabyte and more are
mapped each by itself, and unmapped when freed, which costs training no time. Elsewhere than on Linux with
glibc, these do nothing.
"""

import contextlib
import ctypes
import gc
import platform

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h
_SETTINGS = {
    _M_ARENA_MAX: 1,
    _M_MMAP_THRESHOLD: 2**20,  # bytes; once set, glibc no longer raises it to the size of what was freed
    _M_TRIM_THRESHOLD: 2**26,  # bytes; its default would return memory, and ask for it again, at every training step
}


def share_heaps() -> None:
    """Let all threads that start from now on share one heap, and keep large arrays out of it."""
    if libc := _glibc():
        for parameter, value in _SETTINGS.items():
            libc.mallopt(parameter, value)


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
