"""The data sets that EdgeKit knows, read from catalog.yaml beside this file. Reading it touches no data."""

import functools
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, Field

from edgekit.core.errors import DataError, unknown

CATALOG = Path(__file__).with_name("catalog.yaml")
ARRAYS = ("training_pixels", "training_labels", "evaluation_pixels", "evaluation_labels")


class File(BaseModel, frozen=True, extra="forbid"):
    """A file with the checksum that it must have; md5 where its publisher gave no better one."""

    name: str
    sha256: str = ""
    md5: str = ""


class Source(BaseModel, frozen=True, extra="forbid"):
    """One place that carries a data set.

    Attributes:
        kind: url (fetched here), or npm and apt (fetched with the person's own tools).
        form: how the files hold the arrays: a key of decode.FORMS.
        at: the address that the files lie under, or the package's name.
        files: what to fetch; of a package, the file that the tool makes, or nothing where it differs between systems.
    """

    kind: Literal["url", "npm", "apt"]
    form: Literal["idx", "cifar_binary", "png_sheets"]
    at: str
    files: tuple[File, ...] = ()

    def __str__(self) -> str:
        return self.at if self.kind == "url" else f"the {self.kind} package {self.at}"


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
        image: (height, width, channels).
        training, evaluation: samples in the official training and test sets.
        validation: how many of the first training samples are held out to choose by; never trained on.
        shift: the largest move of an image in augmentation, in pixels.
        flip: whether augmentation may turn left and right round.
        sha256: of the bytes of each decoded array, by its name in ARRAYS.
        sources: tried in order.
    """

    id: str
    title: str
    task: Literal["classification"]
    classes: tuple[str, ...]
    image: tuple[int, int, int]
    training: int
    evaluation: int
    validation: int
    shift: int = Field(ge=0)
    flip: bool = True
    licence: str
    citation: str
    homepage: str
    sha256: dict[str, str]
    sources: tuple[Source, ...]
    packaged: Packaged | None = None


def entries() -> dict[str, Entry]:
    """All data sets by id, in the order of the file."""
    return _read(CATALOG)


def entry(name: str) -> Entry:
    """One data set.

    Raises:
        DataError: there is none of that name.
    """
    if name not in entries():
        raise DataError(unknown("data set", name, entries()))
    return entries()[name]


@functools.cache
def _read(path: Path) -> dict[str, Entry]:
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {name: Entry(id=name, **fields) for name, fields in values.items()}
