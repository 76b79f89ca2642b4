"""What networks are for. A task is one file here, whose name is its id; add one and it is found."""

import functools
import importlib
import pkgutil

from edgekit.core.errors import DataError, unknown
from edgekit.core.task import Task


@functools.cache
def tasks() -> dict[str, Task]:
    """All tasks by id."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name: _only_task(name) for name in names}


def task(name: str) -> Task:
    """The task with this id.

    Raises:
        DataError: there is none; the nearest is named.
    """
    if name not in tasks():
        raise DataError(unknown("task", name, tasks()))
    return tasks()[name]


def _only_task(name: str) -> Task:
    module = importlib.import_module(f"{__name__}.{name}")
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Task) and value.__module__ == module.__name__
    ]
    assert len(found) == 1, f"edgekit/tasks/{name}.py must define one task, not {len(found)}"
    return found[0]()
