"""What runs on the machines of a cluster: one scheduler, and workers that measure one trial at a time.

A worker is a process that Dask's nanny watches: killed, it is started again, and its trial goes to whoever is free.
It keeps its runs in the store that its own EDGEKIT_STORE, EDGEKIT_FILES and EDGEKIT_HOME name, which must be the one of
those who send trials. Whoever reaches the scheduler can run code on all workers: keep it inside a network of your own.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import signal
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from edgekit.core.errors import Cancelled, ClusterError

if TYPE_CHECKING:
    from edgekit.store.store import Store

PORT = 8786  # Dask's own
PROTOCOLS = ("tcp", "tls")
LOOK_AGAIN_SECONDS = 1.0
CONNECT_SECONDS = 3.0
SETTINGS = {
    "logging": {"distributed": "critical", "distributed.client": "critical"},  # what goes away is said by `notice`
    "distributed.worker.profile.enabled": False,  # it would wake up a hundred times a second
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.nanny.pre-spawn-environ": {"DASK_LOGGING__DISTRIBUTED": "error"},  # else one thread, also to train
    "distributed.scheduler.worker-ttl": None,  # who loads a network may be silent for long; the dead are told by TCP
}
WARM = ["edgekit.pipeline"]  # what a trial needs is imported before a worker says that it is ready
NOT_INSTALLED = 'trials on other machines need Dask, which is not installed: pip install "dask[distributed]"'


def dask() -> Any:
    """The package `distributed`, set up as EdgeKit uses it.

    Raises:
        ClusterError: it is not installed.
    """
    try:
        import dask
    except ImportError:
        raise ClusterError(NOT_INSTALLED) from None
    dask.config.set(SETTINGS)
    try:
        import distributed
    except ImportError:
        raise ClusterError(NOT_INSTALLED) from None
    return distributed


def checked(address: str) -> str:
    """The address of a scheduler, if it is one."""
    protocol, _, place = address.partition("://")
    host, _, port = place.rpartition(":")
    if protocol not in PROTOCOLS or not host or not port.isdecimal():
        raise ClusterError(
            f"the address of a scheduler must be tcp://HOST:PORT, such as tcp://127.0.0.1:{PORT}; it is '{address}'. "
            "Set EDGEKIT_SCHEDULER to such an address, or to nothing to measure on this machine."
        )
    return address


def measure(trial: dict[str, Any], store_id: str) -> str:
    """What a worker does: measure a trial, unless the store has it, and say the id of its run.

    Args:
        store_id: of the store of whoever asks, which must be this worker's.

    Raises:
        ClusterError: this worker keeps its runs elsewhere.
        Cancelled: nobody waits for this trial any more.
    """
    from edgekit.search.executor import Trial, measured

    store = _store()
    if store.id != store_id:
        raise ClusterError(
            f"a worker must keep its runs where those are kept who send it trials; the one on {socket.gethostname()} "
            f"keeps them in {store.place}. Start it with the same EDGEKIT_STORE, EDGEKIT_FILES and EDGEKIT_HOME."
        )
    return measured(Trial(**trial), store, _while_wanted()).id


async def schedule(host: str, port: int, started: Callable[[str], None]) -> None:
    """Hand out trials until somebody stops this process.

    Raises:
        ClusterError: the port is taken, or the host is not this one.
    """
    try:
        socket.create_server((host, port)).close()  # Dask would leave sockets open, and say less
    except OSError as error:
        raise ClusterError(
            f"a scheduler must be able to listen on {host}, port {port}, but the system says: "
            f"{error.strerror or error}. Another may be running there: choose another --port."
        ) from None
    made = await dask().Scheduler(host=host, port=port, dashboard=False, dashboard_address="127.0.0.1:0")
    started(made.address)
    await _stopped()
    await made.close()


async def work(address: str, told: Callable[[str], None]) -> None:
    """Measure trials until somebody stops this process; whenever the scheduler is away, wait for it.

    Args:
        told: hears what the worker waits for, or that it is ready.
    """
    nanny, stopped = dask().Nanny, asyncio.ensure_future(_stopped())
    while not stopped.done():
        if not await _answers(address):
            told(f"waiting for the scheduler at {address}")
            while not stopped.done() and not await _answers(address):
                await asyncio.wait([stopped], timeout=LOOK_AGAIN_SECONDS)
            continue
        process = nanny(address, nthreads=1, memory_limit=0, name=_name(), preload=WARM, dashboard=False)
        try:
            await process
            told(f"ready for trials from {address}")
            gone = asyncio.ensure_future(process.finished())
            await asyncio.wait([stopped, gone], return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
        finally:
            with contextlib.suppress(Exception):  # what does not end in time is killed with this process
                await process.close(reason="the worker was stopped")


@functools.cache
def _store() -> Store:
    """This worker's store, opened once; what a worker before it left unfinished is marked so."""
    from edgekit.store.store import Store  # only a worker needs it; all verbs of the command line import this file

    opened = Store.open()
    opened.interrupt_dead()
    return opened


def _while_wanted() -> Callable[[float, str], None]:
    """A Progress that stops a trial once the scheduler has taken it back."""
    from distributed import get_worker

    from edgekit.search.executor import NOT_WANTED

    worker = get_worker()
    key = worker.get_current_task()

    def progress(fraction: float, what: str) -> None:
        task = worker.state.tasks.get(key)
        if task is None or task.state == "cancelled":
            raise Cancelled(NOT_WANTED)

    return progress


def _name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{os.urandom(2).hex()}"


async def _answers(address: str) -> bool:
    """Whether somebody listens there."""
    host, _, port = address.partition("://")[2].rpartition(":")
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host.strip("[]"), int(port)), CONNECT_SECONDS)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def _stopped() -> None:
    """Returns once this process is asked to end."""
    asked, loop = asyncio.Event(), asyncio.get_running_loop()
    for one in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # on Windows, Ctrl-C ends the loop itself
            loop.add_signal_handler(one, asked.set)
    await asked.wait()
