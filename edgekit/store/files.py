"""The files of a store, wherever fsspec can reach: a folder by default, a bucket when that is outgrown.

A file appears under its name only once all of it is there. Files on other machines are fetched into the cache when
they are needed as a path.
"""

import hashlib
import shutil
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from edgekit.core.files import cache, sha256, written_whole

CHUNK = 1 << 20


class Files:
    """Files by name under one fsspec address."""

    def __init__(self, address: str):
        self.fs, self.root = fsspec.core.url_to_fs(address)
        self.is_local = isinstance(self.fs, LocalFileSystem)
        self.address = str(Path(self.root)) if self.is_local else address

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return self.fs.exists(self._at(name))

    def read(self, name: str) -> bytes:
        """All of a file."""
        return self.fs.cat_file(self._at(name))

    def write(self, name: str, data: bytes) -> None:
        """Keep `data` under a name, replacing what was there."""
        if self.is_local:
            with written_whole(Path(self._at(name))) as file:
                file.write(data)
        else:
            self.fs.pipe_file(self._at(name), data)

    def copy_in(self, path: Path, name: str) -> str:
        """Copy a file of this machine in under a name, and return the sha256 of what was copied."""
        digest = hashlib.sha256()
        if not self.is_local:
            data = path.read_bytes()
            self.write(name, data)
            return sha256(data)
        with path.open("rb") as source, written_whole(Path(self._at(name))) as file:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                file.write(chunk)
        return digest.hexdigest()

    def path(self, name: str) -> Path:
        """Where a file lies on this machine; fetched into the cache if it is elsewhere."""
        if self.is_local:
            return Path(self._at(name))
        path = self._in_cache(name)
        if not path.exists():
            with written_whole(path) as file, self.fs.open(self._at(name), "rb") as source:
                shutil.copyfileobj(source, file)
        return path

    def remove(self, name: str) -> None:
        """Let a file go; it is no mistake if it is gone already."""
        if not self.is_local:
            self._in_cache(name).unlink(missing_ok=True)
        if self.exists(name):
            self.fs.rm_file(self._at(name))

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """Name -> bytes of every file whose name starts with `prefix`."""
        if not self.fs.exists(self.root):
            return {}
        found = ((entry["name"].rsplit("/", 1)[-1], entry["size"]) for entry in self.fs.ls(self.root, detail=True))
        return {name: size for name, size in found if name.startswith(prefix)}

    def _in_cache(self, name: str) -> Path:
        return cache() / "store" / sha256(self.address.encode())[:16] / name

    def _at(self, name: str) -> str:
        return f"{self.root.rstrip('/')}/{name}"
