"""Finds the techniques: every file in `edgekit/techniques/` whose name has no underscore in front holds one.

A file that does not import, or that holds no technique or two, raises with its name: nothing is left out quietly.
"""

import functools
import importlib
import pkgutil

import edgekit.techniques
from edgekit.core.errors import RecipeError, unknown
from edgekit.core.technique import Technique


@functools.cache
def techniques() -> dict[str, type[Technique]]:
    """All techniques by id, in alphabetical order."""
    names = sorted(m.name for m in pkgutil.iter_modules(edgekit.techniques.__path__) if not m.name.startswith("_"))
    return {name: _only_technique(name) for name in names}


def technique(name: str) -> type[Technique]:
    """The technique with this id, or a RecipeError that suggests the nearest."""
    if name not in techniques():
        raise RecipeError(unknown("technique", name, techniques()))
    return techniques()[name]


def _only_technique(name: str) -> type[Technique]:
    module = importlib.import_module(f"edgekit.techniques.{name}")
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Technique) and value.__module__ == module.__name__
    ]
    assert len(found) == 1, f"edgekit/techniques/{name}.py must define one technique, not {len(found)}"
    return found[0]
