"""Fetching a data set: its sources one after the other, until one brings the right bytes.

python -m edgekit data pull cifar10
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from edgekit.core.errors import DataError
from edgekit.core.progress import Progress, part, silent
from edgekit.data import arrays
from edgekit.data.catalog import Entry, Source, entry
from edgekit.data.decode import decode
from edgekit.data.fetch import fetch
from edgekit.data.splits import command, fetched_folder, how_to_get


@dataclass(frozen=True)
class DataStatus:
    """What of a data set is on this machine.

    Attributes:
        present: enough to work with.
        complete: all of it.
        bytes: that it takes in the cache.
        where: the folder in the cache; None before anything was fetched.
        note: the same for people, with what to do.
    """

    present: bool
    complete: bool
    bytes: int
    where: Path | None
    note: str


def status(name: str) -> DataStatus:
    """Look, without reading any data through.

    Raises:
        DataError: there is no such data set.
    """
    about, folder = entry(name), fetched_folder(name)
    size = sum(file.stat().st_size for file in folder.glob("*.npy"))
    if arrays.present(folder):
        if problem := arrays.damage(folder, about.sha256):
            return DataStatus(False, False, size, folder, f"damaged: {problem}. {how_to_get(name, again=True)}")
        note = f"complete: {about.training:,} training and {about.evaluation:,} test {about.samples}"
        return DataStatus(True, True, size, folder, note)
    if about.packaged:
        note = (
            f"the test set and {about.packaged.training:,} of {about.training:,} training images come with EdgeKit; "
            f"all of them: {command(name)}"
        )
        return DataStatus(True, False, size, None, note)
    if about.drawn:
        return DataStatus(True, True, 0, None, "random numbers, made when they are asked for")
    return DataStatus(False, False, size, None, f"not on this machine. {how_to_get(name)}")


def pull(name: str, progress: Progress = silent) -> None:
    """Fetch a data set into the cache and verify it; if it is already there, only verify it.

    Sources are tried in order. Cancelling leaves what was fetched so far for the next time.

    Raises:
        DataError: no such data set; or no source brought it, with the reason of each.
    """
    about, folder = entry(name), fetched_folder(name)
    with arrays.locked(folder, progress):
        if arrays.present(folder) and arrays.damage(folder, about.sha256, thorough=True) is None:
            progress(1.0, f"{about.title} is here and whole")
            return
        if not about.sources:
            raise DataError(f"{about.title} was brought by you and cannot be fetched. {how_to_get(name, again=True)}")
        downloads = folder.parent / f".{name}-downloads"
        reasons = []
        for source in about.sources:
            try:
                middle = 0.2 if source.kind == "made" else 0.8  # how far it is before it is decoded, or made
                files = _brought_by(source, downloads, part(progress, 0, middle))
                found = decode(source.form, files, part(progress, middle, 0.9))
                _same_as_the_catalog(about, found)
            except DataError as error:
                reasons.append(f"- {source}: {error}")
                continue
            except OSError as error:
                raise arrays.unwritable(downloads, error) from None
            arrays.keep(folder, found, part(progress, 0.9, 1.0))
            shutil.rmtree(downloads, ignore_errors=True)
            progress(1.0, f"{about.title} is here")
            return
    raise DataError(
        f"{about.title} could not be fetched; no source brought it:\n"
        + "\n".join(reasons)
        + f"\nTry again: {command(name)}"
    )


def _brought_by(source: Source, folder: Path, progress: Progress) -> list[Path]:
    """The files of a source; those that it is made of are the arrays of another data set, which is pulled first."""
    if source.kind != "made":
        return fetch(source, folder, progress)
    pull(source.at, progress)
    return arrays.files(fetched_folder(source.at))


def _same_as_the_catalog(about: Entry, found: dict) -> None:
    for name, wanted in about.sha256.items():
        if (got := arrays.digest(found[name])) != wanted:
            raise DataError(f"its {name.replace('_', ' ')} must have sha256 {wanted}, not {got}")
