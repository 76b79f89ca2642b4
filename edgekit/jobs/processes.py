"""Trials in processes of this machine, each with its share of the cores.

One trial keeps several cores busy only while it multiplies large matrices. Two of them, on a core each, do not wait for
one another; and while one is timed, the others are stopped: cores may be two halves of one, and beside a busy worker
31 of 60 timings found too few turns in which nothing slowed them, beside a stopped one 12. What one of them trained the
others need not train again. A worker that dies, mostly for want of memory, takes its own trial along and nothing else,
and another takes its place.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from ctypes import c_long
from pathlib import Path
from typing import Any

import psutil

from edgekit.core.errors import Cancelled, ClusterError
from edgekit.core.host import this_host
from edgekit.core.run import Run
from edgekit.measure.lock import meanwhile
from edgekit.search.executor import NOT_WANTED, Executor, Trial, measured
from edgekit.store.store import Store

BYTES_EACH = 4 * 2**30  # of this machine's memory: a network that trains, its data, and the libraries
POLITE = 10  # the pages of a person who looks on come first
ALL = -1  # instead of the number of a trial
DIED = (
    "the process that measured this trial ended in the middle of it. Most often memory ran out: choose a smaller model "
    "or batch, or close other programs."
)


def room() -> int:
    """How many workers this machine has cores and memory for, at least one."""
    host = this_host()
    return max(1, min(host.cores, host.memory_bytes // BYTES_EACH))


class Processes(Executor):
    """Workers of this machine. They end with the process that started them, however it ends.

    Args:
        store: where runs are kept; the person's own by default.
        workers: how many; as many as there is room for by default.
    """

    def __init__(self, store: Store | None = None, workers: int | None = None):
        self._store, count = store or Store.open(), workers or room()
        threads, pids = max(1, this_host().cores // count), multiprocessing.RawArray(c_long, count)
        self._states = tempfile.TemporaryDirectory(prefix="edgekit-", ignore_cleanup_errors=True)
        self._workers = [_Worker(self._store, threads, self._states.name, pids, place) for place in range(count)]
        self._lock = threading.RLock()
        self._waiting: deque[tuple[Future[Run], Trial]] = deque()

    @property
    def workers(self) -> int:
        """How many trials are measured at a time."""
        return len(self._workers)

    @property
    def ahead(self) -> int:
        """One trial may wait until a worker is free."""
        return 1

    def submit(self, trial: Trial) -> Future[Run]:
        """Give a trial to the worker that is free next. A future that is cancelled stops it at its next step."""
        done: Future[Run] = Future()
        with self._lock:
            self._waiting.append((done, trial))
        self._hand_out()
        return done

    def close(self) -> None:
        """Stop what is being measured, at its next step, and let the workers go."""
        with self._lock:
            for done, _ in self._waiting:
                done.cancel()
            self._waiting.clear()
        for worker in self._workers:
            worker.stop()
        for worker in self._workers:
            worker.join()
        self._states.cleanup()
        self._store.interrupt_dead()

    def _hand_out(self) -> None:
        with self._lock:
            for worker in self._workers:
                while worker.is_free and self._waiting:
                    worker.measure(*self._waiting.popleft(), self._hand_out)


class _Worker:
    """One process, which gets ready at once, and whoever takes its place."""

    def __init__(self, store: Store, threads: int, states: str, pids: Any, place: int):
        self._context = multiprocessing.get_context("spawn")
        self._unwanted: Any = self._context.RawValue(c_long, 0)  # the number of the trial that nobody waits for
        self._pids, self._about = pids, (store, self._unwanted, threads, states, pids, place)
        self._number, self.is_free = 0, True
        self._process = self._started()

    def measure(self, done: Future[Run], trial: Trial, then: Callable[[], None]) -> None:
        """Begin with a trial, unless nobody waits for it any more; `then` is called when it has ended."""
        if done.cancelled():
            return
        self._number += 1
        self.is_free = False
        try:
            inside = self._process.submit(_measure, trial, self._number)
        except BrokenProcessPool:
            self._process = self._started()
            inside = self._process.submit(_measure, trial, self._number)
        done.add_done_callback(lambda _, number=self._number: self._take_back(done, number))
        inside.add_done_callback(lambda _: self._ended(done, inside, then))

    def stop(self) -> None:
        self._unwanted.value = ALL

    def join(self) -> None:
        self._process.shutdown(cancel_futures=True)

    def _started(self) -> ProcessPoolExecutor:
        process = ProcessPoolExecutor(1, self._context, initializer=_begin, initargs=self._about)
        process.submit(os.getpid)
        return process

    def _take_back(self, done: Future[Run], number: int) -> None:
        if done.cancelled() and self._unwanted.value != ALL:
            self._unwanted.value = number

    def _ended(self, done: Future[Run], inside: Future[Run], then: Callable[[], None]) -> None:
        error = None if inside.cancelled() else inside.exception()
        if isinstance(error, BrokenProcessPool):
            _resume(self._pids, os.getpid())  # whom it may have stopped
        self.is_free = True
        then()
        if inside.cancelled() or not done.set_running_or_notify_cancel():
            return
        if error is None:
            done.set_result(inside.result())
        else:
            done.set_exception(ClusterError(DIED) if isinstance(error, BrokenProcessPool) else error)


# In the worker's process.

_store: Store
_unwanted: Any


def _begin(store: Store, unwanted: Any, threads: int, states: str, pids: Any, place: int) -> None:
    global _store, _unwanted
    _store, _unwanted, pids[place] = store, unwanted, os.getpid()
    meanwhile(lambda: others_stopped(pids, multiprocessing.parent_process().pid))
    if hasattr(os, "nice"):
        os.nice(POLITE)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that a person talks to
    threading.Thread(target=_end_with_parent, args=(pids,), name="edgekit-parent", daemon=True).start()
    import torch
    from threadpoolctl import threadpool_limits

    import edgekit.pipeline  # noqa: F401  (what a trial needs is there when the first one comes)
    from edgekit.measure.outputs import use_threads
    from edgekit.prefixes import SHARED

    SHARED.folder = Path(states)
    torch.set_num_threads(threads)
    threadpool_limits(threads)
    use_threads(threads)


def _end_with_parent(pids: Any) -> None:
    parent = multiprocessing.parent_process()
    parent.join()
    _resume(pids, parent.pid)
    os._exit(1)


@contextmanager
def others_stopped(pids: Sequence[int], parent: int) -> Iterator[None]:
    """Of these workers, children of `parent`, nobody else gets any further meanwhile."""
    try:
        for other in _others(pids, parent):
            with suppress(psutil.Error):
                other.suspend()
        yield
    finally:
        _resume(pids, parent)


def _resume(pids: Sequence[int], parent: int) -> None:
    for other in _others(pids, parent):
        with suppress(psutil.Error):
            other.resume()


def _others(pids: Sequence[int], parent: int) -> Iterator[psutil.Process]:
    """The workers but this one; what is no child of `parent`, or was none when that ended, is somebody else by now."""
    for pid in pids:
        with suppress(psutil.Error):
            if pid not in (0, os.getpid()) and (other := psutil.Process(pid)).ppid() in (parent, os.getppid()):
                yield other


def _measure(trial: Trial, number: int) -> Run:
    def go_on(fraction: float, what: str) -> None:
        if _unwanted.value in (ALL, number):
            raise Cancelled(NOT_WANTED)

    return measured(trial, _store, go_on)
