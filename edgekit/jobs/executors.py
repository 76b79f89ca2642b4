"""Where the trials of a search are measured: in its own process, or by the workers of EDGEKIT_SCHEDULER."""

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
def workers_elsewhere(store: Store) -> Iterator[Executor | None]:
    """Those who measure the trials of one search; None where its own process does.

    Raises:
        ClusterError: the address is none, or Dask is not installed.
    """
    address = os.environ.get(SCHEDULER)
    if not address:
        yield None
        return
    from edgekit.jobs.dask_executor import DaskExecutor  # Dask is needed only where there is a scheduler

    with DaskExecutor(address, store) as executor:
        yield executor
