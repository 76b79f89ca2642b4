"""The decoded arrays of a data set in the cache: .npy files that are read without being loaded, and a stamp.

The stamp is written last and holds the sha256 of each array, and the size and time of each file. So a folder without a
stamp is unfinished, and looking at sizes and times is enough to trust a file until someone touches it.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import filelock
import numpy as np

from edgekit.core.errors import DataError
from edgekit.core.files import written_whole
from edgekit.core.progress import Progress, each, silent

STAMP = "stamp.json"


def digest(array: np.ndarray) -> str:
    """sha256 of an array's bytes in row order; of a memory-mapped one without loading it."""
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


@contextlib.contextmanager
def locked(folder: Path, progress: Progress = silent) -> Iterator[None]:
    """Hold a folder of the cache alone, among all processes; waiting for it can be cancelled through `progress`.

    Raises:
        DataError: the cache folder cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder.parent / f".{folder.name}.lock")
        while not lock.is_locked:
            try:
                lock.acquire(timeout=0.2)
            except filelock.Timeout:
                progress(0.0, f"Waiting for another process that works on {folder.name}")
    except OSError as error:
        raise unwritable(folder, error) from None
    try:
        yield
    finally:
        lock.release()


def unwritable(folder: Path, error: OSError) -> DataError:
    """What is said when the cache cannot be written."""
    return DataError(
        f"the cache folder must have room and be writable; {folder} is not: {error.strerror or error}. "
        "Make room, or set EDGEKIT_CACHE to another folder."
    )


def keep(folder: Path, arrays: Mapping[str, np.ndarray], progress: Progress = silent) -> None:
    """Write arrays as .npy files, each whole or not at all, and the stamp once all of them are there.

    Raises:
        DataError: the folder cannot be written, or the disk is full.
    """
    try:
        (folder / STAMP).unlink(missing_ok=True)
        for name, array in each(arrays.items(), progress, lambda item: f"Writing {item[0].replace('_', ' ')}"):
            with written_whole(_file(folder, name)) as file:
                # Not np.save: it hides the reason when a disk is full.
                header = np.lib.format.header_data_from_array_1_0(np.ascontiguousarray(array))
                np.lib.format.write_array_header_1_0(file, header)
                file.write(np.ascontiguousarray(array).data)
        _stamp(folder, {name: digest(array) for name, array in arrays.items()})
    except OSError as error:
        raise unwritable(folder, error) from None


def present(folder: Path) -> bool:
    """Whether a finished data set lies in this folder, damaged or not."""
    return (folder / STAMP).exists()


def opened(folder: Path) -> dict[str, np.ndarray]:
    """The arrays of a folder without `damage`, memory-mapped and read-only."""
    return {name: np.load(_file(folder, name), mmap_mode="r") for name in _read_stamp(folder)["sha256"]}


def files(folder: Path) -> list[Path]:
    """Where the arrays of a folder lie, in the order in which they were kept."""
    return [_file(folder, name) for name in _read_stamp(folder)["sha256"]]


def damage(folder: Path, promised: Mapping[str, str] | None = None, thorough: bool = False) -> str | None:
    """What is wrong with a stamped folder, or None.

    A file whose size and time are those of the stamp is taken as whole; any other, and with `thorough` every one, is
    read through and compared with its sha256.

    Args:
        promised: sha256 of each array, where the catalog names them.
    """
    try:
        stamp, suspects = _read_stamp(folder), []
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"{folder / STAMP} cannot be read ({type(error).__name__})"
    for name, wanted in (promised or {}).items():
        if (kept := stamp["sha256"].get(name)) is None:
            return f"{_file(folder, name)} is missing"
        if kept != wanted:
            return f"{_file(folder, name)} must have sha256 {wanted}, and was kept with {kept}"
    for name in stamp["sha256"]:
        path = _file(folder, name)
        if not path.exists():
            return f"{path} is missing"
        if thorough or _look(path) != stamp["files"].get(name):
            suspects.append(name)
    for name in suspects:
        if (found := _digest_of(_file(folder, name))) != stamp["sha256"][name]:
            return f"{_file(folder, name)} must have sha256 {stamp['sha256'][name]}, not {found}"
    if suspects:
        with contextlib.suppress(OSError):  # a cache that may only be read is checked again next time
            _stamp(folder, stamp["sha256"])
    return None


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.npy"


def _look(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns]


def _digest_of(path: Path) -> str:
    try:
        return digest(np.load(path, mmap_mode="r"))
    except (ValueError, EOFError):
        return "that of no array: it cannot be read"


def _stamp(folder: Path, digests: Mapping[str, str]) -> None:
    files = {name: _look(_file(folder, name)) for name in digests}
    with written_whole(folder / STAMP) as file:
        file.write(json.dumps({"sha256": dict(digests), "files": files}, indent=1).encode())


def _read_stamp(folder: Path) -> dict:
    stamp = json.loads((folder / STAMP).read_text())
    return {"sha256": dict(stamp["sha256"]), "files": dict(stamp["files"])}
