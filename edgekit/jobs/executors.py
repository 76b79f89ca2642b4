"""Where the trials of a search are measured: by workers of this machine, or by those of EDGEKIT_SCHEDULER."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command line asks for the name below, and should not have to wait for a database for it
    from edgekit.search.executor import Executor
    from edgekit.store.store import Store

SCHEDULER = "EDGEKIT_SCHEDULER"  # "tcp://host:8786"


@contextmanager
def workers_for(store: Store) -> Iterator[Executor | None]:
    """Those who measure the trials of one search; None where this machine has room for its own process alone.

    Raises:
        ClusterError: the address is none, or Dask is not installed.
    """
    if address := os.environ.get(SCHEDULER):
        from edgekit.jobs.dask_executor import DaskExecutor  # Dask is needed only where there is a scheduler

        with DaskExecutor(address, store) as executor:
            yield executor
        return
    from edgekit.jobs.processes import Processes, room

    if room() == 1:
        yield None
        return
    with Processes(store) as executor:
        yield executor
