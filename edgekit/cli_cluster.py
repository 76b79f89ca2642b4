"""The verbs `scheduler` and `worker` of the command line: the processes of which a cluster is made."""

import asyncio
import os
from typing import Annotated

import typer

from edgekit.core.errors import ClusterError
from edgekit.jobs import cluster
from edgekit.jobs.executors import SCHEDULER


def scheduler(
    host: Annotated[str, typer.Option(help="Where to listen; 0.0.0.0 for workers on other machines.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any that is free.")] = cluster.PORT,
) -> None:
    """Hand out the trials of searches to workers. Anyone who reaches it can run code: keep it in your own network."""

    def started(address: str) -> None:
        print(f"scheduler at {address}", f"for those who search: {SCHEDULER}={address}", sep="\n", flush=True)

    asyncio.run(cluster.schedule(host, port, started))


def worker(
    address: Annotated[
        str | None, typer.Argument(help="The scheduler, tcp://HOST:PORT; EDGEKIT_SCHEDULER by default.")
    ] = None,
) -> None:
    """Measure trials for a scheduler, one at a time, and keep the runs in the store that all share."""
    address = address or os.environ.get(SCHEDULER)
    if not address:
        raise ClusterError(
            "a worker must know its scheduler: python -m edgekit worker tcp://HOST:PORT, or set EDGEKIT_SCHEDULER."
        )
    asyncio.run(cluster.work(cluster.checked(address), lambda what: print(what, flush=True)))
