"""Finds the techniques: every file in `edgekit/techniques/` whose name has no underscore in front holds one.

A file that does not import, or that holds no technique or two, raises with its name: nothing is left out quietly.
"""

import functools

import edgekit.techniques
from edgekit.core.errors import RecipeError, unknown
from edgekit.core.found import found
from edgekit.core.technique import Technique


@functools.cache
def techniques() -> dict[str, type[Technique]]:
    """All techniques by id, in alphabetical order."""
    return found(edgekit.techniques, Technique)


def technique(name: str) -> type[Technique]:
    """The technique with this id, or a RecipeError that suggests the nearest."""
    if name not in techniques():
        raise RecipeError(unknown("technique", name, techniques()))
    return techniques()[name]
