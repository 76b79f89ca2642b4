"""Files on their way: a graph for as long as a converter needs it, and what a converter made, once it is whole."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.core.errors import ExportError

if TYPE_CHECKING:
    import onnx


@contextmanager
def written(graph: onnx.ModelProto) -> Iterator[Path]:
    """A file that is gone at the end of the `with`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(graph.SerializeToString())
        yield path


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """A folder to make files in; at the end of the `with` they replace those in `out`, and where it fails none does.

    Raises:
        ExportError: nothing can be written there.
    """
    with _told(out):
        out.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=".export-", dir=out))
    try:
        yield beside
        with _told(out):
            for made in sorted(beside.iterdir()):
                _sync(made)
                target = out / made.name
                if target.is_dir():
                    shutil.rmtree(target)
                os.replace(made, target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def size_of(path: Path) -> int:
    """Bytes of a file, or of a folder with all that is in it."""
    return sum(file.stat().st_size for file in _files(path))


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else [inner for inner in path.rglob("*") if inner.is_file()]


def _sync(path: Path) -> None:
    """Have it on the disk, so that a power cut leaves no file half."""
    for file in _files(path):
        with file.open("rb+") as opened:
            os.fsync(opened.fileno())


@contextmanager
def _told(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ExportError(f"files must be written to {out}, but: {error.strerror}. Choose another folder.") from None
