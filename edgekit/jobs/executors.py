"""Where trials are measured: in this process, or by the workers of the scheduler that EDGEKIT_SCHEDULER names."""

import os

from edgekit.core.progress import Progress, silent
from edgekit.search.executor import Executor, Local
from edgekit.store.store import Store

SCHEDULER = "EDGEKIT_SCHEDULER"  # "tcp://host:8786"


def executor(store: Store | None = None, progress: Progress = silent) -> Executor:
    """Who measures the trials of a search, as the environment says; to be closed when the search ends.

    Args:
        store: where runs are kept; the person's own by default.
        progress: told how far a trial is that this process measures; what it raises stops the trial.

    Raises:
        ClusterError: the address is none, or Dask is not installed.
    """
    address = os.environ.get(SCHEDULER)
    if not address:
        return Local(store, progress)
    from edgekit.jobs.dask_executor import DaskExecutor  # Dask is needed only where there is a scheduler

    return DaskExecutor(address, store)
