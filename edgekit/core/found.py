"""Finding what a folder holds: one class a file, under the name of its file. Techniques and tasks are found so.

A file that does not import, or that holds none or two, raises with its name: nothing is left out quietly.
"""

import importlib
import pkgutil
from types import ModuleType
from typing import TypeVar

Kind = TypeVar("Kind")


def found(package: ModuleType, kind: type[Kind]) -> dict[str, type[Kind]]:
    """File name -> the one class of this kind that the file defines, in alphabetical order.

    Files with an underscore in front are left out.
    """
    names = sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))
    return {name: _only(f"{package.__name__}.{name}", kind) for name in names}


def _only(module_name: str, kind: type[Kind]) -> type[Kind]:
    module = importlib.import_module(module_name)
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, kind) and value.__module__ == module.__name__
    ]
    where, what = f"{module_name.replace('.', '/')}.py", kind.__name__.lower()
    assert len(classes) == 1, f"{where} must define one {what}, not {len(classes)}"
    return classes[0]
