"""Everything that EdgeKit may refuse, as a tree. Pages and the command line catch exactly `EdgeKitError`.

EdgeKitError             what must hold, what came, what to do
├── SettingError         a setting that a technique does not have, or a value outside its range
├── RecipeError          steps that cannot work in this order, or on this model
├── ModelError           a network that is unknown, damaged, or not of the kind a step needs
├── DataError            a data set that is unknown, missing, damaged, or used on the wrong side of a split
├── MeasureError         a file that could not be run or timed
├── StoreError           runs or files that could not be read or written
├── ClusterError         a scheduler or workers that cannot be reached, or that lost a trial
├── ExportError          a format that cannot hold a network, or whose tools are missing or refuse it
├── NothingToDo          a step that would change nothing: said, never hidden
└── Cancelled            the person pressed Cancel
"""

import difflib
from collections.abc import Iterable


class EdgeKitError(Exception):
    """A mistake that a person can mend. The text is shown as it stands."""


class SettingError(EdgeKitError):
    """A setting that a technique does not have, or a value outside its range."""


class RecipeError(EdgeKitError):
    """Steps that cannot work in this order, or on this model."""


class ModelError(EdgeKitError):
    """A network that is unknown, damaged, or not of the kind a step needs."""


class DataError(EdgeKitError):
    """A data set that is unknown, missing, damaged, or used on the wrong side of a split."""


class MeasureError(EdgeKitError):
    """A file that could not be run or timed."""


class StoreError(EdgeKitError):
    """Runs or files that could not be read or written."""


class ClusterError(EdgeKitError):
    """A scheduler or workers that cannot be reached, or that lost a trial."""


class ExportError(EdgeKitError):
    """A format that cannot hold a network, or whose tools are missing or refuse it."""


class NothingToDo(EdgeKitError):
    """A step that would change nothing: said, never hidden."""


class Cancelled(EdgeKitError):
    """The person pressed Cancel."""


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """The sentence for a name that does not exist: `no setting 'sparsty'. Did you mean 'sparsity'?`"""
    known = sorted(known)
    close = [other for other in known if name and other.startswith(name)] or difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean '{close[0]}'?" if close else f"There are: {', '.join(known) or 'none'}."
    return f"no {kind} '{name}'. {hint}"
