"""The files half of a store: measured files by their sha256, cached arrays, and tables that took long to measure."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import numpy as np
from sqlalchemy import Engine, func, select

from edgekit.core.artifact import Artifact
from edgekit.core.errors import StoreError
from edgekit.core.files import sha256
from edgekit.store.database import on_disk, reading, writing
from edgekit.store.files import Files
from edgekit.store.keeping import claim, release, remove, surplus, sweep
from edgekit.store.owner import owner
from edgekit.store.tables import files as known_files

QUOTA_BYTES = 5_000_000_000


class Shelf:
    """Files that stay while somebody uses them, and what can be computed again: arrays and tables."""

    def __init__(self, engine: Engine, files: Files, arrays: Files):
        self._engine, self._files, self._arrays = engine, files, arrays
        self._verified: set[tuple[str, int, int]] = set()

    def add_file(self, path: Path) -> Artifact:
        """Move a file into the store, under its sha256. It stays while a run or this process uses it."""
        with on_disk(path):
            name, size = sha256(path), path.stat().st_size
        with writing(self._engine) as connection:
            claim(connection, owner(), name, size)
        try:
            with on_disk(self._files.address):
                self._copy_in(path, name)
        except BaseException:
            with writing(self._engine) as connection:
                release(connection, owner(), [name])
                sweep(connection, self._files, self._arrays)
            raise
        return Artifact(path=self._path(name), sha256=name, bytes=size)

    def file(self, sha256: str) -> Path:
        """Where a file lies on this machine. Its bytes were checked against its name."""
        with on_disk(self._files.address):
            if not self.has_file(sha256):
                raise StoreError(
                    f"the file {sha256[:12]}… is not in the store: it was deleted, or removed to make room. "
                    "Run the recipe again to make it."
                )
            path = self._files.path(f"{sha256}.onnx")
            self._verify(path, sha256)
        return path

    def has_file(self, sha256: str) -> bool:
        """Whether a file is still here."""
        return re.fullmatch("[0-9a-f]{64}", sha256) is not None and self._files.exists(f"{sha256}.onnx")

    def put_array(self, key: str, array: np.ndarray) -> None:
        """Cache an array; it goes with the file whose sha256 the key starts with."""
        data = io.BytesIO()
        np.save(data, array, allow_pickle=False)
        with on_disk(self._arrays.address):
            self._arrays.write(_array_name(key), data.getvalue())

    def array(self, key: str, make: Callable[[], np.ndarray]) -> np.ndarray:
        """A cached array; made and cached where it is not there."""
        found = self.get_array(key)
        if found is None:
            found = make()
            self.put_array(key, found)
        return found

    def get_array(self, key: str) -> np.ndarray | None:
        """A cached array, or None if it must be computed again."""
        name = _array_name(key)
        with on_disk(self._arrays.address):
            if not self._arrays.exists(name):
                return None
            data = self._arrays.read(name)
        try:
            return np.load(io.BytesIO(data), allow_pickle=False)
        except (ValueError, EOFError):
            logging.getLogger(__name__).warning("the cached array %s is damaged; it will be computed again", name)
            return None

    def put_table(self, key: str, text: str) -> None:
        """Keep a text that took long to measure, such as a table in JSON, in place of what was there."""
        with on_disk(self._arrays.address):
            self._arrays.write(_table_name(key), text.encode())

    def table(self, key: str) -> str | None:
        """A text that was kept, or None."""
        name = _table_name(key)
        with on_disk(self._arrays.address):
            return self._arrays.read(name).decode() if self._arrays.exists(name) else None

    def bytes_used(self) -> int:
        """What files and arrays take together."""
        with reading(self._engine) as connection:
            files = connection.scalar(select(func.coalesce(func.sum(known_files.c.bytes), 0)))
        return files + sum(self._arrays.sizes().values())

    def retention(self, quota_bytes: int = QUOTA_BYTES) -> list[str]:
        """Remove files of the oldest unpinned runs until the rest fits, and return their sha256. Runs stay."""
        if self.bytes_used() <= quota_bytes:
            return []
        with writing(self._engine) as connection, on_disk(self._files.address):
            going = surplus(connection, self._arrays, quota_bytes)
            remove(connection, self._files, self._arrays, going)
        return going

    def _path(self, name: str) -> str:
        if self._files.is_local:
            return str(self._files.path(f"{name}.onnx"))
        return f"{self._files.address}/{name}.onnx"

    def _copy_in(self, path: Path, name: str) -> None:
        inside = self._files.path(f"{name}.onnx") if self.has_file(name) else None
        if inside and self._files.is_local and inside.samefile(path):
            return
        if inside is None or sha256(inside) != name:
            copied = self._files.copy_in(path, f"{name}.onnx")
            if copied != name:
                self._files.remove(f"{name}.onnx")
                raise StoreError(f"{path} changed while it was copied into the store. Write it again, then add it.")
        path.unlink()

    def _verify(self, path: Path, name: str) -> None:
        facts = path.stat()
        seen = (name, facts.st_mtime_ns, facts.st_size)
        if seen in self._verified:
            return
        if (found := sha256(path)) != name:
            raise StoreError(
                f"{path} is damaged: its sha256 must be {name[:12]}…, and is {found[:12]}…. "
                "Delete this file and run the recipe again."
            )
        self._verified.add(seen)


def _array_name(key: str) -> str:
    return f"{quote(key, safe='')}.npy"


def _table_name(key: str) -> str:
    return f"table-{quote(key, safe='')}.json"
