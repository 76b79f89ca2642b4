"""A graph as a file, for as long as a converter needs it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx


@contextmanager
def written(graph: onnx.ModelProto) -> Iterator[Path]:
    """A file that is gone at the end of the `with`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(graph.SerializeToString())
        yield path
