"""Looks through an uploaded ONNX file in a process of its own (`confined.py`), before anything else opens it.

    python -m edgekit.models.quarantine FILE

prints one line of JSON, an `Answer`. The file is looked through (`_check.py`), then run once in ONNX Runtime on made-up
inputs (`_trial.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgekit.core.errors import ModelError
from edgekit.core.progress import Progress, silent
from edgekit.models.confined import answer, confined, kind_of
from edgekit.models.facts import Facts, Limits
from edgekit.models.recognise import Kind


def examine(path: Path, limits: Limits = Limits(), progress: Progress = silent) -> Facts:  # noqa: B008  (frozen)
    """What an ONNX file holds, and whether ONNX Runtime runs it. It is opened in a process of its own.

    Args:
        progress: called at least every 20 ms; what it raises ends that process.

    Raises:
        ModelError: there is no such file, it is of another kind, damaged, needs more than the limits, or crashed the
            process. A file that is sound but does not run is no error: see `Facts.why_not`.
    """
    path = Path(path)
    if (found := kind_of(path, limits)) is not Kind.ONNX:
        raise ModelError(f"{path.name} must be an ONNX file, but it looks like {found.title}. {found.advice}")
    return Facts.model_validate(confined(__name__, path, limits, progress))


def _opened(path: Path, limits: Limits) -> dict[str, Any]:
    from edgekit.models._check import checked  # here, since only the child needs onnx and ONNX Runtime
    from edgekit.models._trial import tried

    data = path.read_bytes()
    facts = checked(data, limits)
    why_not = tried(data, facts.inputs)
    return facts.model_copy(update={"runs": not why_not, "why_not": why_not}).model_dump(mode="json")


if __name__ == "__main__":
    answer(_opened)
