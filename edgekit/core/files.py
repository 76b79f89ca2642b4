"""Where EdgeKit keeps things on this machine, and how it writes them so that a crash leaves no half-written file."""

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import platformdirs

LONGEST_NAME = 40  # letters


def home() -> Path:
    """Runs and their files: EDGEKIT_HOME, or the user's data folder."""
    return Path(os.environ.get("EDGEKIT_HOME") or platformdirs.user_data_dir("edgekit"))


def cache() -> Path:
    """What can be fetched or computed again: EDGEKIT_CACHE, or the user's cache folder."""
    return Path(os.environ.get("EDGEKIT_CACHE") or platformdirs.user_cache_dir("edgekit"))


def sample_models() -> Path:
    """The folder of the models that come with EdgeKit."""
    return Path(__file__).resolve().parents[2] / "sample_models"


@contextmanager
def written_whole(path: Path, durable: bool = True) -> Iterator[BinaryIO]:
    """A file to write in; it appears at `path` only once all of it is on disk, and not at all if anything fails.

    Args:
        durable: also survive a power cut, which costs tens of milliseconds; False for files that are copied on.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("xb") as file:  # not mkstemp, whose files nobody else may read
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


@contextmanager
def written_folder(path: Path) -> Iterator[Path]:
    """A folder to write in; it appears at `path`, in place of what was there, once all of it is written, or never."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        yield beside
        shutil.rmtree(path, ignore_errors=True)
        beside.rename(path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def plain_name(text: str) -> str:
    """A text as part of an id: "My pictures (2)" becomes "my-pictures-2"; empty where no letter or digit is in it."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:LONGEST_NAME]


def sha256(data: bytes | Path) -> str:
    """Of some bytes, or of the file at a path."""
    if isinstance(data, Path):
        with data.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    return hashlib.sha256(data).hexdigest()
