"""Random inputs, made in the cache on first use to be read like the rest; the same ones on every machine."""

from pathlib import Path

import numpy as np

from edgekit.core import files
from edgekit.data import arrays
from edgekit.data.catalog import ARRAYS, Entry


def made(entry: Entry) -> Path:
    """The folder with the arrays of a data set that is `drawn`; they are made if they are not there, or not whole.

    Raises:
        DataError: the cache cannot be written.
    """
    folder = files.cache() / "data" / entry.id
    with arrays.locked(folder):
        if not arrays.present(folder) or arrays.damage(folder):
            arrays.keep(folder, _drawn(entry))
    return folder


def _drawn(entry: Entry) -> dict[str, np.ndarray]:
    """Whole numbers from 0 to `drawn`, each as likely, uint8 where they fit; there are no labels, so all are 0."""
    generator, kind = np.random.default_rng(0), np.uint8 if entry.drawn <= 256 else np.int32
    raw = [generator.integers(0, entry.drawn, (n, *entry.shape), kind) for n in (entry.training, entry.evaluation)]
    labels = [np.zeros(len(one), np.int64) for one in raw]
    return dict(zip(ARRAYS, (raw[0], labels[0], raw[1], labels[1]), strict=True))
