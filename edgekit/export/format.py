"""What a format is: what it makes, where its tools come from, what it cannot hold, and how a file is made and run.

Tools are never imported here: they run in a process of their own (see child.py), in the Python of their environment,
or in ours where a person has installed them there.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from edgekit.core.errors import ExportError
from edgekit.core.progress import Progress, silent
from edgekit.export.child import Child
from edgekit.export.environment import Environment
from edgekit.export.exported import ROUNDED

if TYPE_CHECKING:
    import numpy as np
    import onnx

AS_IS = "as it is"
FLOATS_INSTEAD = "Export a run in floats, or one whose weights alone are rounded (quantize_weights)."
CALIBRATED_ON = 200  # training samples, for formats that round again


@dataclass(frozen=True)
class Source:
    """The file of a run, and what converters need besides.

    Attributes:
        name: what files are called.
        example: one input, (1, …).
        calibration: so many inputs (n, …) of training samples.
    """

    name: str
    path: Path
    graph: onnx.ModelProto
    example: np.ndarray
    calibration: Callable[[int], np.ndarray]


@dataclass(frozen=True)
class Converted:
    """What a converter made.

    Attributes:
        main: the file to open.
        files: all, by name, in the order in which a person wants them.
        operators: how many of each kind, where the format tells.
        weights: how many stored numbers of each type, where the format tells.
        notes: what to know of this very file.
        shipped: those of the files that count as its size; all of them if empty.
    """

    main: str
    files: list[str]
    operators: dict[str, int] = field(default_factory=dict)
    weights: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    shipped: tuple[str, ...] = ()


class Format:
    """See the module docstring.

    Attributes:
        title, makes: for people.
        script: in scripts/: what converts and runs; empty where nothing is to be started.
        requirements: packages of its environment; empty where EdgeKit's own suffice.
        environment: the name of its environment; its id by default.
        modules: what must be importable for its tools to be here; `run_modules`, to run files only, where that is less.
        megabytes: what the environment takes on disk; `download`, what is fetched for it.
        borrows: whether its environment reads torch from ours.
        precisions: what a person can choose, the default for floats first.
        again: whether it starts from floats again, so that integers are rounded anew, and are a point of their own.
        runs: whether files run here; `why_not` says why they do not.
        caution: what to know before, in one sentence.
    """

    title: ClassVar[str]
    makes: ClassVar[str]
    script: ClassVar[str] = ""
    environment: ClassVar[str] = ""
    requirements: ClassVar[tuple[str, ...]] = ()
    modules: ClassVar[tuple[str, ...]] = ()
    run_modules: ClassVar[tuple[str, ...]] = ()
    megabytes: ClassVar[int] = 0
    download: ClassVar[int] = 0
    borrows: ClassVar[bool] = False
    precisions: ClassVar[tuple[str, ...]] = (AS_IS,)
    again: ClassVar[bool] = False
    runs: ClassVar[bool] = True
    why_not: ClassVar[str] = ""
    caution: ClassVar[str] = ""

    @property
    def id(self) -> str:
        """The name of its file."""
        return type(self).__module__.rsplit(".", 1)[-1]

    @property
    def requantizes(self) -> bool:
        """Whether it makes integers that are not those of the file."""
        return self.again and bool(set(self.precisions) & set(ROUNDED))

    def cannot(self, graph: onnx.ModelProto, precision: str) -> str:
        """Why this graph cannot be exported so; empty where it can be tried."""
        return ""

    def default(self, graph: onnx.ModelProto) -> str:
        """The precision that keeps a graph as it is, as far as the format has one."""
        from edgekit.export.graphs import is_integer

        return "int8" if "int8" in self.precisions and is_integer(graph) else self.precisions[0]

    def convert(self, source: Source, precision: str, folder: Path, progress: Progress = silent) -> Converted:
        """Make the files in a folder.

        Raises:
            ExportError: the tools refuse, or are not here.
        """
        raise NotImplementedError  # pragma: no cover

    def use(self, converted: Converted) -> str:
        """A few lines that run the main file."""
        return ""

    def tools(self) -> Environment | None:
        """Its environment; None where EdgeKit's own packages suffice."""
        if not self.requirements:
            return None
        return Environment(self.environment or self.id, self.requirements, self.modules, self.borrows, self.download)

    def python(self, to_run: bool = False) -> str | None:
        """The Python that has its tools; None where none has.

        Args:
            to_run: for running files only.
        """
        tools = self.tools()
        if tools is not None and tools.ready():
            return tools.python
        needed = (to_run and self.run_modules) or self.modules
        return sys.executable if all(map(_is_importable, needed)) else None

    def missing(self) -> str:
        """What to do for its tools; empty where they are here."""
        if self.python():
            return ""
        return f"needs its tools, about {self.megabytes:,} MB: python -m edgekit export setup {self.id}"

    def child(self, to_run: bool = False) -> Child:
        """A process with the tools; close it, or use it in a `with`.

        Raises:
            ExportError: they are not here.
        """
        if (python := self.python(to_run)) is None:
            raise ExportError(f"{self.title} {self.missing()}")
        return Child(python, self.script, self.title)

    def _ask(self, job: dict[str, Any], progress: Progress) -> dict[str, Any]:
        """Have a fresh process convert."""
        with self.child() as child:
            return child.ask({"do": "convert", **job}, progress)


def _is_importable(module: str) -> bool:
    """Whether our own Python has it, without importing it."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False
