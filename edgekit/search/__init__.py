"""Choosing among recipes: the search itself, and what it and a person go by. Called, this package searches.

import edgekit as ek

found = ek.search("lenet5-fashion", ["size=200KB", "accuracy_drop=1"], minutes=3)
"""

import sys
from types import ModuleType
from typing import Any


class _Searching(ModuleType):
    """This very module, which can be called: `ek.search` is the folder and the verb."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from edgekit.search.autopilot.search import search

        return search(*args, **kwargs)


sys.modules[__name__].__class__ = _Searching
