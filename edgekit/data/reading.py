"""What a person's folder or file holds, as arrays.

    pictures/cat/1.jpg …                        images, a folder a class
    pictures/train/cat/… pictures/test/cat/…    the same, split already
    words/yes/1.wav …                           recordings, likewise
    pictures/1.jpg …                            without labels
    data.npz    x (n, …), y (n,)                or x_train, y_train, x_test, y_test; without y, without labels
    texts/good/1.txt …                          texts, likewise
    data.csv    columns of numbers, or one of texts, and one with the class: "label", "class", "target" or "y", else the
                last; or .tsv

Labels are classes, where they are words or whole numbers; others are numbers that a network comes close to.

Folders may come as .zip. Nothing is unpacked on disk, and nothing in a file is ever run.
"""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from edgekit.core.errors import DataError
from edgekit.core.progress import Progress, each, silent
from edgekit.core.text import kept
from edgekit.data.catalog import Kind
from edgekit.data.waves import at_rate, wave

if TYPE_CHECKING:
    from PIL import Image

IMAGES, SOUNDS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"), (".wav",)
TEXTS = (".txt",)
TABLES = {".csv": ",", ".tsv": "\t"}
TESTS, TRAININGS = ("test", "testing"), ("train", "training", "val", "valid", "validation")
LABELS = ("label", "class", "target", "y")
MOST_FILES, MOST_BYTES = 200_000, 4 * 2**30  # of a folder or .zip, once decoded
LARGEST_SIDE = 224  # of images that differ in size and are all made one size
FITTING = 0.95  # share of recordings that are not cut where lengths differ
LONGEST_TEXT = 4096  # bytes: more than the few hundred word pieces that small networks take
MOST_CLASSES = 1000
Files = list[tuple[PurePosixPath, Callable[[], bytes]]]


@dataclass(frozen=True)
class Part:
    """Samples (n, …) with their labels (n,): whole numbers of classes, or floats to come close to; None without any."""

    raw: np.ndarray
    labels: np.ndarray | None


@dataclass(frozen=True)
class Found:
    """What was read.

    Attributes:
        test: the samples that were marked as a test set; None where nothing was.
        rate: of sound, samples a second.
        said: what was done to make the samples alike.
    """

    kind: Kind
    classes: tuple[str, ...]
    training: Part
    test: Part | None = None
    rate: int = 0
    said: str = ""

    @property
    def task(self) -> str:
        if self.training.labels is None:
            return "agreement"
        return "classification" if self.classes else "regression"


def read(
    path: Path, *, size: tuple[int, int] | None = None, label: str | None = None, progress: Progress = silent
) -> Found:
    """Read whatever lies at `path`; see the module docstring.

    Args:
        size: (height, width) that images are made; what most of them have if absent.
        label: of a table, the column with the class; "" for none.

    Raises:
        DataError: it is nothing that can be read, and why.
    """
    kind = path.suffix.lower()
    if not path.exists():
        raise DataError(f"there must be a folder or a file at {path}, but there is none.")
    if path.is_dir() or kind == ".zip":
        return _tree(path, size, progress)
    if kind == ".npz":
        return _npz(path)
    if kind in TABLES:
        return _table(path, label)
    raise DataError(
        f"data must be a folder or .zip of images, of .wav or of .txt files in a folder a class, an .npz, a .csv or a "
        f".tsv; "
        f"{path.name} is none of them."
    )


def sample(name: str, content: bytes) -> np.ndarray:
    """One sample in a file by itself, as it would be kept: an image (height, width, channels), sound, text, or an .npy.

    Raises:
        DataError: it cannot be read.
    """
    place = PurePosixPath(name)
    if place.suffix in IMAGES:
        picture = np.asarray(_picture(place, content))
        return picture if picture.ndim == 3 else picture[..., None]
    if place.suffix in TEXTS:
        return kept([_words(place, content)])[0]
    return wave(place, content)[1] if place.suffix in SOUNDS else np.load(io.BytesIO(content))


def _tree(path: Path, size: tuple[int, int] | None, progress: Progress) -> Found:
    files = _in_folder(path) if path.is_dir() else _in_zip(path)
    kinds = {IMAGES: _images, SOUNDS: _sounds, TEXTS: _texts}
    of_kind = {suffixes: [one for one in files if one[0].suffix.lower() in suffixes] for suffixes in kinds}
    most = max(of_kind, key=lambda suffixes: len(of_kind[suffixes]))
    chosen, read_all = of_kind[most], kinds[most]
    if not chosen:
        raise DataError(
            f"{path.name} must hold images, .wav or .txt files; among its {len(files):,} files there are none."
        )
    split, names = _places(chosen)
    classes = tuple(sorted(set(names) - {""}))
    if classes and "" in names:
        stray = next(str(place) for (place, _), name in zip(chosen, names, strict=True) if not name)
        raise DataError(
            f"either every file lies in the folder of its class, or none does; {stray} lies beside {len(classes)} such "
            "folders."
        )
    found = read_all(chosen, size, progress)
    raw, labels = found.training.raw, np.array([classes.index(name) for name in names]) if classes else None
    test = np.array([part in TESTS for part in split])
    if test.all() or not test.any():
        return replace(found, classes=classes, training=Part(raw, labels))
    parts = [Part(raw[rows], None if labels is None else labels[rows]) for rows in (~test, test)]
    return replace(found, classes=classes, training=parts[0], test=parts[1])


def _in_folder(path: Path) -> Files:
    found = sorted(file for file in path.rglob("*") if file.is_file() and not _hidden(file.relative_to(path)))
    return [(PurePosixPath(file.relative_to(path).as_posix()), file.read_bytes) for file in _few_enough(path, found)]


def _in_zip(path: Path) -> Files:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"{path.name} must be a .zip, but cannot be opened as one ({error}).") from None
    found = [one for one in archive.infolist() if not one.is_dir() and not _hidden(PurePosixPath(one.filename))]
    if any(one.flag_bits & 1 for one in found):
        raise DataError(f"{path.name} must not be locked with a password.")
    if (total := sum(one.file_size for one in found)) > MOST_BYTES:
        most = f"{MOST_BYTES / 1e9:.1f} GB once unpacked"
        raise DataError(f"{path.name} must hold at most {most}, not {total / 1e9:.1f}.")

    def content(one: zipfile.ZipInfo) -> Callable[[], bytes]:
        def read_it() -> bytes:
            try:
                return archive.read(one)
            except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
                raise DataError(f"{one.filename} in {path.name} cannot be unpacked ({error}).") from None

        return read_it

    ordered = sorted(_few_enough(path, found), key=lambda one: one.filename)
    return [(PurePosixPath(one.filename), content(one)) for one in ordered]


def _few_enough(path: Path, found: list) -> list:
    if len(found) > MOST_FILES:
        raise DataError(f"{path.name} must hold at most {MOST_FILES:,} files, not {len(found):,}.")
    return found


def _hidden(path: Path | PurePosixPath) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in path.parts)


def _places(files: Files) -> tuple[list[str], list[str]]:
    """Of each file, whether it lies under train or test ("" for neither), and the name of its class ("" for none)."""
    folders = [list(place.parent.parts) for place, _ in files]
    while all(folders) and len({one[0] for one in folders}) == 1:  # a folder that holds all of it says nothing
        folders = [one[1:] for one in folders]
    split = [""] * len(folders)
    if all(one and one[0].lower() in TESTS + TRAININGS for one in folders):
        split = [one[0].lower() for one in folders]
        if not set(split) & set(TESTS):  # a validation set is the test set where there is no other
            split = ["test" if one in TRAININGS[2:] else one for one in split]
        folders = [one[1:] for one in folders]
    return split, ["/".join(one) for one in folders]


def _images(files: Files, size: tuple[int, int] | None, progress: Progress) -> Found:
    from PIL import Image

    sizes, grey = Counter(), True
    for place, content in files:
        with _picture(place, content(), whole=False) as picture:
            sizes[picture.height, picture.width] += 1
            grey = grey and picture.mode in ("1", "L", "LA", "I", "I;16")
    height, width = size or _one_size(sizes)
    channels = 1 if grey else 3
    _not_too_many(len(files) * height * width * channels, "Choose a smaller size.")
    raw = np.empty((len(files), height, width, channels), np.uint8)
    for row, (place, content) in zip(raw, each(files, progress, lambda one: f"Reading {one[0].name}"), strict=True):
        with _picture(place, content()) as picture:
            plain = picture.convert("L" if grey else "RGB")
            if plain.size != (width, height):
                plain = plain.resize((width, height), Image.Resampling.BILINEAR)
            row[:] = np.asarray(plain).reshape(height, width, channels)
    changed = len(files) - sizes[height, width]
    said = f"{changed:,} of {len(files):,} images were resized to {width} × {height} pixels." if changed else ""
    return Found("image", (), Part(raw, None), said=said)


def _picture(place: PurePosixPath, content: bytes, whole: bool = True) -> Image.Image:
    """An image; without `whole`, only what its first bytes say of it."""
    from PIL import Image

    try:
        picture = Image.open(io.BytesIO(content))
        if whole:
            picture.load()
        return picture
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{place} must be an image, but cannot be read as one ({type(error).__name__}).") from None


def _one_size(sizes: Counter) -> tuple[int, int]:
    """The size that most images have; a square as high as their middle one's shorter side where no size is common."""
    common, count = sizes.most_common(1)[0]
    if 2 * count >= sizes.total() and max(common) <= 2 * LARGEST_SIDE:
        return common
    sides = sorted(min(one) for one in sizes.elements())
    side = min(sides[len(sides) // 2], LARGEST_SIDE)
    return side, side


def _sounds(files: Files, size: tuple[int, int] | None, progress: Progress) -> Found:
    read_ones = [wave(place, content()) for place, content in each(files, progress, lambda one: one[0].name)]
    rate = Counter(rate for rate, _ in read_ones).most_common(1)[0][0]
    waves = [at_rate(one, own, rate) for own, one in read_ones]
    length = int(np.quantile([len(one) for one in waves], FITTING, method="higher"))
    _not_too_many(2 * len(files) * length, "Cut them shorter.")
    raw = np.zeros((len(files), length), np.int16)
    for row, one in zip(raw, waves, strict=True):
        row[: len(one)] = one[:length]
    longer, shorter = (sum(f(len(one), length) for one in waves) for f in (int.__gt__, int.__lt__))
    said = f"All are {length / rate:.2f} s long: {longer:,} were cut, and {shorter:,} end in silence."
    changed = sum(own != rate for own, _ in read_ones)
    said += f" {changed:,} were resampled to {rate:,} Hz." if changed else ""
    return Found("sound", (), Part(raw, None), rate=rate, said=said)


def _texts(files: Files, size: tuple[int, int] | None, progress: Progress) -> Found:
    reading = each(files, progress, lambda one: f"Reading {one[0].name}")
    return _as_text([_words(place, content()) for place, content in reading])


def _words(place: PurePosixPath, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise DataError(f"{place} must be text in UTF-8, but cannot be read as such ({error}). Save it so.") from None


def _as_text(texts: list[str]) -> Found:
    lengths = [len(text.encode()) for text in texts]
    _not_too_many(len(texts) * min(max(lengths, default=0), LONGEST_TEXT), "Take fewer texts.")
    longer = sum(length > LONGEST_TEXT for length in lengths)
    said = f"{longer:,} of {len(texts):,} texts were cut after {LONGEST_TEXT:,} bytes." if longer else ""
    return Found("text", (), Part(kept(texts, LONGEST_TEXT), None), said=said)


def _npz(path: Path) -> Found:
    try:
        with np.load(path, allow_pickle=False) as archive:
            _not_too_many(sum(one.file_size for one in archive.zip.infolist()), "Take fewer samples.")
            held = {name.lower(): archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, KeyError, AttributeError) as error:
        raise DataError(f"{path.name} must be an .npz of plain arrays, but cannot be read: {error}") from None
    shapes = ", ".join(f"{name} {value.shape}" for name, value in held.items()) or "nothing"
    if "x_train" in held and "x_test" in held:
        pairs = [(held["x_train"], held.get("y_train")), (held["x_test"], held.get("y_test"))]
    elif "x" in held:
        pairs = [(held["x"], held.get("y"))]
    else:
        raise DataError(
            f"{path.name} must hold the arrays x and y, or x_train, y_train, x_test and y_test; it holds {shapes}."
        )
    if any(x.ndim < 2 or x.dtype.kind not in "uif" for x, _ in pairs) or len({x.shape[1:] for x, _ in pairs}) > 1:
        raise DataError(f"x must hold numbers, (n, …), of the same shape for every sample; {path.name} holds {shapes}.")
    if any(y is not None and len(y) != len(x) for x, y in pairs) or len({y is None for _, y in pairs}) > 1:
        raise DataError(f"x and y must be equally long; {path.name} holds {shapes}.")
    classes, labels = _classes([y for _, y in pairs], path.name)
    samples = [_as_kept(x, path.name) for x, _ in pairs]
    parts = [Part(raw, own) for (_, raw), own in zip(samples, labels, strict=True)]
    return Found(samples[0][0], classes, *parts)


def _as_kept(x: np.ndarray, name: str) -> tuple[Kind, np.ndarray]:
    """Bytes of three or four dimensions are images, all else are numbers."""
    channels = x.shape[-1] if x.ndim == 4 else 1
    if x.dtype == np.uint8 and x.ndim in (3, 4) and channels in (1, 3):
        return "image", x if x.ndim == 4 else x[..., None]
    values = x.astype(np.float32)
    if not np.isfinite(values).all():
        raise DataError(f"x must hold finite numbers; in {name} there are some that are not.")
    return "values", values


def _table(path: Path, label: str | None) -> Found:
    import pandas

    try:
        table = pandas.read_csv(path, sep=TABLES[path.suffix.lower()])
    except (ValueError, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path.name} must be a table with a line of titles, but cannot be read: {error}") from None
    _not_too_many(4 * table.size, "Take fewer lines.")
    titles = [str(title) for title in table.columns]
    table.columns = titles
    if label is None:
        label = next((title for title in titles if title.lower() in LABELS), titles[-1])
    if label and label not in titles:
        raise DataError(f"{path.name} has no column '{label}'. There are: {', '.join(titles)}.")
    values = table.drop(columns=label) if label else table
    words = [title for title in values.columns if values[title].dtype.kind not in "uifb"]
    are_texts = len(words) == 1 == len(values.columns)
    if values.empty or (words and not are_texts):
        raise DataError(
            f"all columns but the label's must hold numbers, or there must be one only, of texts; in {path.name} "
            + (f"{', '.join(words)} of {len(values.columns)} hold words." if words else "there are none.")
        )
    if gaps := [title for title in titles if table[title].isna().any()]:
        row = int(table[gaps[0]].isna().to_numpy().argmax()) + 2
        raise DataError(f"{path.name} must have no gaps; the column {gaps[0]} has one in line {row}.")
    classes, labels = _classes([table[label].to_numpy()] if label else [None], path.name)
    if are_texts:
        found = _as_text(values[words[0]].astype(str).tolist())
        return replace(found, classes=classes, training=Part(found.training.raw, labels[0]))
    return Found(*_with_classes(_as_kept(values.to_numpy(np.float32), path.name), classes, labels[0]))


def _with_classes(kept: tuple[Kind, np.ndarray], classes: tuple[str, ...], labels: np.ndarray | None) -> tuple:
    kind, raw = kept
    return kind, classes, Part(raw, labels)


def _classes(ys: list[np.ndarray | None], name: str) -> tuple[tuple[str, ...], list[np.ndarray | None]]:
    """The names of the classes in order, and labels as their numbers; no names where labels are no classes."""
    if ys[0] is None:
        return (), ys
    if all(y.ndim == 2 and y.shape[1] > 1 for y in ys):  # one column a class, and a one in that of its own
        ys = [y.argmax(1) for y in ys]
    ys = [y.reshape(len(y)) if y.size == len(y) else y for y in ys]
    if any(y.ndim != 1 or (y.dtype.kind == "f" and not np.isfinite(y).all()) for y in ys):
        raise DataError(f"there must be one label a sample, a finite number or a word; those of {name} are not so.")
    if any(y.dtype.kind == "f" and (y != np.rint(y)).any() for y in ys):
        return (), [y.astype(np.float32) for y in ys]
    ys = [y.astype(np.int64) if y.dtype.kind in "fub" else y for y in ys]
    known = sorted(set(np.concatenate([y.astype(object) for y in ys]).tolist()), key=lambda one: (str(type(one)), one))
    if not 2 <= len(known) <= MOST_CLASSES:
        raise DataError(f"there must be 2 to {MOST_CLASSES:,} classes; {name} has {len(known):,} different labels.")
    place = {one: number for number, one in enumerate(known)}
    return tuple(map(str, known)), [np.array([place[one] for one in y.tolist()], np.int64) for y in ys]


def _not_too_many(size: int, cure: str) -> None:
    if size > MOST_BYTES:
        raise DataError(f"the samples must take at most {MOST_BYTES / 1e9:.1f} GB, not {size / 1e9:.1f}. {cure}")
