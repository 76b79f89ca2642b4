"""The files of a store, wherever fsspec can reach: a folder by default, a bucket when that is outgrown.

A file appears under its name only once all of it is there. ONNX Runtime opens files of this machine only: what lies
elsewhere is fetched into the cache when it is needed as a path, and what was made here stays there as it goes out.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import fsspec
from fsspec.implementations.local import LocalFileSystem
from fsspec.registry import known_implementations

from edgekit.core.errors import StoreError
from edgekit.core.files import cache, sha256, written_whole

CHUNK = 1 << 20
MOST_COPIES_BYTES = 5_000_000_000  # of files that lie elsewhere, kept in the cache of this machine
PROOF = "edgekit.txt"  # that files can be kept there
IN_USE_SECONDS = 3600  # a copy that was asked for so lately is not removed to make room


class Files:
    """Files by name under one fsspec address.

    Raises:
        StoreError: the address cannot be reached, or what reaches such addresses is not installed.
    """

    def __init__(self, address: str):
        with _reached(address):  # others write there too, so no listing is remembered
            self.fs, self.root = fsspec.core.url_to_fs(address, use_listings_cache=False)
        self.is_local = isinstance(self.fs, LocalFileSystem)
        self.address = str(Path(self.root)) if self.is_local else address

    def check(self) -> None:
        """Make sure that files can be kept here, before anything is computed that would be lost."""
        if not self.is_local and not self.exists(PROOF):
            self.write(PROOF, b"EdgeKit keeps its files here.\n")

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name."""
        with self._reached():
            return self.fs.exists(self._at(name))

    def read(self, name: str) -> bytes:
        """All of a file."""
        with self._reached():
            return self.fs.cat_file(self._at(name))

    def write(self, name: str, data: bytes) -> None:
        """Keep `data` under a name, replacing what was there."""
        if self.is_local:
            with written_whole(Path(self._at(name))) as file:
                file.write(data)
        else:
            with self._reached():
                self.fs.pipe_file(self._at(name), data)

    def copy_in(self, path: Path, name: str) -> str:
        """Copy a file of this machine in under a name, and return the sha256 of what was copied."""
        digest = hashlib.sha256()
        if not self.is_local:
            data = path.read_bytes()
            self.write(name, data)
            with self._copy(name) as copy:
                copy.write(data)
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
        if path.exists():
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))  # used now, changed as before
        else:
            with self._copy(name) as copy, self._reached(), self.fs.open(self._at(name), "rb") as source:
                shutil.copyfileobj(source, copy)
        return path

    def remove(self, name: str) -> None:
        """Let a file go; it is no mistake if it is gone already."""
        if not self.is_local:
            self._in_cache(name).unlink(missing_ok=True)
        if self.exists(name):
            with self._reached():
                self.fs.rm_file(self._at(name))

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """Name -> bytes of every file whose name starts with `prefix`."""
        with self._reached():
            if self.is_local:
                found = self.fs.ls(self.root, detail=True) if self.fs.exists(self.root) else []
            else:  # a bucket finds by prefix without listing everything
                found = self.fs.find(self.root, detail=True, prefix=prefix).values()
        named = ((entry["name"].rsplit("/", 1)[-1], entry["size"]) for entry in found)
        return {name: size for name, size in named if name.startswith(prefix)}

    @contextmanager
    def _copy(self, name: str) -> Iterator[BinaryIO]:
        """A copy on this machine of a file that lies elsewhere, to be written."""
        with written_whole(self._in_cache(name), durable=False) as file:
            yield file
        self._make_room()

    def _make_room(self) -> None:
        """Remove the copies that were not asked for the longest time, until the rest is no more than is allowed."""
        copies = [(path, path.stat()) for path in self._in_cache("").glob("*.onnx")]
        total = sum(facts.st_size for _, facts in copies)
        for path, facts in sorted(copies, key=lambda copy: copy[1].st_atime):
            if total <= MOST_COPIES_BYTES or time.time() - facts.st_atime < IN_USE_SECONDS:
                return
            path.unlink(missing_ok=True)
            total -= facts.st_size

    def _in_cache(self, name: str) -> Path:
        return cache() / "store" / sha256(self.address.encode())[:16] / name

    def _at(self, name: str) -> str:
        return f"{self.root.rstrip('/')}/{name}"

    @contextmanager
    def _reached(self) -> Iterator[None]:
        if self.is_local:
            yield  # what a disk says is told by those who know what they were doing
        else:
            with _reached(self.address):
                yield


@contextmanager
def _reached(address: str) -> Iterator[None]:
    """Turn whatever the far side says into a StoreError; each kind of storage has errors of its own."""
    try:
        yield
    except StoreError:
        raise
    except ImportError:
        protocol = address.partition("://")[0]
        package = known_implementations[protocol]["class"].partition(".")[0]
        raise StoreError(
            f"files at {protocol}:// need a package that is not installed: pip install {package}"
        ) from None
    except Exception as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise StoreError(
            f"{address} must be a place where EdgeKit may read and write, and is not: {said[0].rstrip('.')}. "
            "Check that it exists and answers, that EDGEKIT_FILES is right, and that the keys are set "
            "(for S3: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL); then try again."
        ) from error
