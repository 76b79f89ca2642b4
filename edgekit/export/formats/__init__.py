"""What a run can be exported to. A format is one file here, whose name is its id; add one and it is found."""

import functools
import sys

from edgekit.core.errors import ExportError, unknown
from edgekit.core.found import found
from edgekit.export.format import Format


@functools.cache
def formats() -> dict[str, Format]:
    """All formats by id."""
    return {name: kind() for name, kind in found(sys.modules[__name__], Format).items()}


def format_of(name: str) -> Format:
    """The format with this id.

    Raises:
        ExportError: there is none; the nearest is named.
    """
    if name not in formats():
        raise ExportError(unknown("format", name, formats()))
    return formats()[name]
