"""A person's own data set: read, cut into splits, and kept beside their runs; python -m edgekit data add PATH."""

from pathlib import Path

import numpy as np
import yaml

from edgekit.core.errors import DataError, unknown
from edgekit.core.files import plain_name, sha256, written_folder, written_whole
from edgekit.core.progress import Progress, part, silent
from edgekit.data import arrays, catalog
from edgekit.data.catalog import ARRAYS, ENTRY, GONE, Entry
from edgekit.data.cutting import FEWEST, cut
from edgekit.data.reading import Found, Part, read

SYNTHETIC_VALUES, MOST_SYNTHETIC = 2**22, 512  # numbers in all, and samples
SHIFT = 8  # augmentation moves an image by at most one in so many pixels of its side


def add(
    path: Path,
    *,
    title: str = "",
    size: tuple[int, int] | None = None,
    label: str | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> str:
    """Take a folder or file among the data sets, and return its id; the same samples again are the same data set.

    Args:
        title: what it is called; the name of the file if absent.
        size, label: see `reading.read`.
        seed: of which samples go where.

    Raises:
        DataError: it cannot be read, holds too little, or cannot be kept.
    """
    path = Path(path)
    found = read(path, size=size, label=label, progress=part(progress, 0, 0.7))
    training, test, validation, copies = cut(found, seed)
    note = " ".join(filter(None, (found.said, _of_copies(copies), _of_the_split(found.test is not None, seed))))
    about, held = _described(found, title or path.stem, training, test, validation, note)
    _keep(about, held, part(progress, 0.7, 1))
    progress(1.0, "added")
    return about.id


def synthetic(shape: tuple[int, ...], whole: bool = False) -> str:
    """Random samples of a shape as a data set, for a network that came without data; its id.

    Args:
        shape: of one sample.
        whole: zeros and ones, as indices into any table may be, instead of normally distributed numbers.
    """
    size = int(np.clip(SYNTHETIC_VALUES // max(1, int(np.prod(shape))), 2 * FEWEST, MOST_SYNTHETIC))
    generator = np.random.default_rng(0)
    raw = generator.normal(size=(size, *shape)) if not whole else generator.integers(0, 2, (size, *shape))
    title = f"Random inputs {' × '.join(map(str, shape))}{', whole' if whole else ''}"
    note = "Random numbers: latency and size mean something, how often a file agrees with the original says little."
    half = size // 2
    parts = (Part(raw[:half].astype(np.float32), None), Part(raw[half:].astype(np.float32), None))
    about, held = _described(Found("values", (), *parts), title, *parts, validation=half // 4, note=note)
    about = about.model_copy(update={"task": "random_agreement"})
    _keep(about, held, silent)
    return about.id


def remove(name: str) -> None:
    """Delete the samples that a person brought; models and runs that were scored on them stay.

    Raises:
        DataError: there is no such data among those that were brought.
    """
    known = catalog.brought()
    if name not in known:
        if name in catalog.entries():
            raise DataError(f"{name} is one of EdgeKit's own data sets; only those that were added can be removed.")
        raise DataError(unknown("data set that was added", name, known))
    folder = catalog.brought_folder() / name
    (folder / ENTRY).rename(folder / GONE)
    for path in folder.iterdir():
        if path.name != GONE:
            path.unlink()


def _described(
    found: Found, title: str, training: Part, test: Part, validation: int, note: str
) -> tuple[Entry, dict[str, np.ndarray]]:
    """What there is to know of a data set, and its arrays."""
    nothing = [np.zeros(len(one.raw), np.int64) for one in (training, test)]
    labels = [none if one.labels is None else one.labels for one, none in zip((training, test), nothing, strict=True)]
    held = dict(zip(ARRAYS, (training.raw, labels[0], test.raw, labels[1]), strict=True))
    digests = {name: arrays.digest(array) for name, array in held.items()}
    about = Entry(
        id=f"{plain_name(title) or 'data'}-{sha256(''.join(digests.values()).encode())[:8]}",
        title=title,
        kind=found.kind,
        task=found.task,
        classes=found.classes,
        shape=training.raw.shape[1:],
        rate=found.rate,
        training=len(training.raw),
        evaluation=len(test.raw),
        validation=validation,
        shift=min(training.raw.shape[1:3]) // SHIFT if found.kind == "image" else 0,
        flip=False,  # nobody said that left and right mean the same
        licence="yours",
        sha256=digests,
        note=note,
    )
    return about, held


def _keep(about: Entry, held: dict[str, np.ndarray], progress: Progress) -> None:
    """Write it whole or not at all."""
    target = catalog.brought_folder() / about.id
    if (target / ENTRY).exists() and not arrays.damage(target, about.sha256):
        return
    try:
        with written_folder(target) as beside:  # in place of what was removed before, or is damaged
            arrays.keep(beside, held, progress)
            with written_whole(beside / ENTRY) as file:
                known = about.model_dump(mode="json", exclude_defaults=True)
                file.write(yaml.safe_dump(known, sort_keys=False).encode())
    except OSError as error:
        raise arrays.unwritable(target, error) from None


def _of_copies(count: int) -> str:
    return f"{count:,} exact copies were left out." if count else ""


def _of_the_split(marked: bool, seed: int) -> str:
    return "The test set is the one it came with." if marked else f"A quarter is the test set, chosen by seed {seed}."
