"""What networks are for. A task is one file here, whose name is its id; add one and it is found."""

import functools
import sys

from edgekit.core.errors import DataError, unknown
from edgekit.core.found import found
from edgekit.core.task import Task


@functools.cache
def tasks() -> dict[str, Task]:
    """All tasks by id."""
    return {name: kind() for name, kind in found(sys.modules[__name__], Task).items()}


def task(name: str) -> Task:
    """The task with this id.

    Raises:
        DataError: there is none; the nearest is named.
    """
    if name not in tasks():
        raise DataError(unknown("task", name, tasks()))
    return tasks()[name]
