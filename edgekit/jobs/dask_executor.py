"""Trials on the workers of a Dask scheduler, each measured once whatever becomes of the worker it was given to.

    submitted ──► at a worker ──► its run, from the store that all share
        ▲              │ the worker dies: Dask gives the trial to another one
        │              │ the scheduler goes, or the last worker
        └── waiting ◄──┘
               └────► measured on this machine, until workers are back

So a search goes on whatever goes away, and `notice` says what is not as it should be.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections import deque
from concurrent.futures import Future, InvalidStateError
from typing import Any

from edgekit.core.errors import Cancelled, ClusterError
from edgekit.core.run import Run
from edgekit.jobs import cluster
from edgekit.search.executor import NOT_WANTED, Executor, Trial, measured
from edgekit.store.store import Store

LOOK_AGAIN_SECONDS = 1.0
PATIENCE_SECONDS = 5.0  # so long trials wait for workers before this machine measures them: a restart takes a moment


class DaskExecutor(Executor):
    """Sends trials to a scheduler, and measures them here while there is none, or no worker.

    Args:
        address: of the scheduler, "tcp://host:8786".
        store: where runs are kept; the person's own by default. The workers must use the same one.

    Raises:
        ClusterError: the address is none, or Dask is not installed.
    """

    def __init__(self, address: str, store: Store | None = None):
        self._dask, self._address = cluster.dask(), cluster.checked(address)
        self._store = store or Store.open()
        self._store_id = self._store.id
        self._changed = threading.Condition()
        self._inside: dict[Future[Run], Any] = {}  # what is at the scheduler -> Dask's future of it
        self._trials: dict[Future[Run], Trial] = {}  # all that have not ended
        self._waiting: deque[Future[Run]] = deque()  # those that are nowhere
        self._client: Any = None
        self._refused: ClusterError | None = None
        self._workers, self._why, self._alone_since = 0, "", time.monotonic()
        self._closed = threading.Event()
        self._look()
        for life in (self._watch, self._measure_here):
            threading.Thread(target=life, name=f"edgekit-{life.__name__.strip('_')}", daemon=True).start()

    @property
    def workers(self) -> int:
        """How many workers there are now; 1 while there is only this machine."""
        return max(1, self._workers)

    @property
    def notice(self) -> str:
        """Why trials are measured on this machine; empty while there are workers."""
        with self._changed:
            if self._workers:
                return ""
            here = "Trials are measured on this machine until"
            if self._client is None:
                return (
                    f"The scheduler at {self._address} does not answer ({self._why}). {here} it is back. "
                    "Start it with: python -m edgekit scheduler"
                )
            return (
                f"The scheduler at {self._address} has no workers. {here} there are some. "
                f"Start one with: python -m edgekit worker {self._address}"
            )

    def submit(self, trial: Trial) -> Future[Run]:
        """Send a trial to whichever worker is free next. A future that is cancelled takes its trial back.

        Raises:
            ClusterError: a worker refused a trial, and so would all.
        """
        if self._refused:
            raise self._refused
        done: Future[Run] = Future()
        with self._changed:
            self._trials[done] = trial
            self._waiting.append(done)
            self._send()
        done.add_done_callback(self._forget)
        return done

    def close(self) -> None:
        """Take back what is not done, and let go of the scheduler."""
        self._closed.set()
        for done in list(self._trials):
            done.cancel()
        with self._changed:
            client, self._client = self._client, None
            self._changed.notify_all()
        if client:
            client.close(timeout=cluster.CONNECT_SECONDS)
        self._store.interrupt_dead()

    # Inside. What `_changed` guards is changed under it only; Dask is never waited for under it.

    def _send(self) -> None:
        """Give what waits to the scheduler, if it answers and has workers."""
        while self._waiting and self._workers and self._client is not None and self._client.status == "running":
            done = self._waiting.popleft()
            if done not in self._trials:
                continue
            trial = self._trials[done].model_dump(mode="json")
            key = f"trial-{hashlib.sha256(f'{trial}{self._store_id}'.encode()).hexdigest()}"
            self._inside[done] = self._client.submit(cluster.measure, trial, self._store_id, key=key)
            self._inside[done].add_done_callback(lambda inside, done=done: self._ended(done, inside))
        self._changed.notify_all()

    def _ended(self, done: Future[Run], inside: Any) -> None:
        """What the scheduler says of a trial; called on a thread of Dask's."""
        if inside.status in ("cancelled", "lost"):
            with self._changed:
                if self._inside.get(done) is inside and not self._closed.is_set():
                    del self._inside[done]
                    self._waiting.append(done)
                    self._send()
            return
        try:
            run = self._store.get(inside.result())
        except self._dask.KilledWorker as error:
            self._end(done, ClusterError(_killer(error.allowed_failures + 1, str(error.last_worker.name))))
        except Exception as error:
            self._refused = self._refused or (error if isinstance(error, ClusterError) else None)
            self._end(done, error)
        else:
            self._end(done, run)

    def _end(self, done: Future[Run], outcome: Run | Exception) -> None:
        try:
            done.set_exception(outcome) if isinstance(outcome, Exception) else done.set_result(outcome)
        except InvalidStateError:  # it was cancelled meanwhile
            return

    def _forget(self, done: Future[Run]) -> None:
        with self._changed:
            self._trials.pop(done, None)
            inside = self._inside.pop(done, None)
        if inside is not None and done.cancelled():
            _take_back(inside)

    def _watch(self) -> None:
        """Notice within a second that the scheduler or its workers came or went."""
        while not self._closed.wait(LOOK_AGAIN_SECONDS):
            self._look()

    def _look(self) -> None:
        client, workers = self._client, 0
        try:
            if client is None or client.status != "running":
                client = self._connected(client)
            workers = len(client.nthreads())
        except Exception as error:  # whatever it is: `notice` says so, and it is tried again
            self._why = str(error).strip().split("\n")[0] or type(error).__name__
            client = None
        with self._changed:
            late = self._closed.is_set()
            if self._workers and not workers:
                self._alone_since = time.monotonic()
            self._client, self._workers = client, workers
            self._send()
            stuck = list(self._inside.values()) if client is not None and self._is_alone() else []
        if late and client is not None:
            client.close(timeout=cluster.CONNECT_SECONDS)
        for inside in stuck:  # no worker is left that could do it
            _take_back(inside)

    def _connected(self, old: Any) -> Any:
        if old is not None:
            with contextlib.suppress(Exception):  # it is gone already
                old.close(timeout=0)
        return self._dask.Client(self._address, timeout=cluster.CONNECT_SECONDS, set_as_default=False)

    def _is_alone(self) -> bool:
        return not self._workers and time.monotonic() - self._alone_since > PATIENCE_SECONDS

    def _measure_here(self) -> None:
        """The life of this machine as a worker of last resort."""
        while not self._closed.is_set():
            with self._changed:
                if not (self._waiting and self._is_alone()):
                    self._changed.wait(LOOK_AGAIN_SECONDS)
                    continue
                done = self._waiting.popleft()
                trial = self._trials.get(done)
            if trial is not None:
                try:
                    self._end(done, measured(trial, self._store, lambda *_, done=done: self._go_on(done)))
                except Exception as error:
                    self._end(done, error)

    def _go_on(self, done: Future[Run]) -> None:
        if done.cancelled() or self._closed.is_set():
            raise Cancelled(NOT_WANTED)


def _take_back(inside: Any) -> None:
    with contextlib.suppress(Exception):  # a scheduler that is gone has forgotten it
        inside.cancel()


def _killer(times: int, last: str) -> str:
    return (
        f"a trial must not end the worker that measures it, and this one ended {times}, {last} the last of them. "
        "Most often memory ran out: give workers more, or choose a smaller model or batch."
    )
