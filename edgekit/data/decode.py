"""From the files that a source brings to the four arrays of a data set, by the form that the catalog names."""

import struct
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edgekit.core.errors import DataError
from edgekit.core.progress import Progress, silent
from edgekit.data.catalog import ARRAYS
from edgekit.data.forms import faces, images, scenes, series, text, translations

FORMS: dict[str, Callable[[list[Path], Progress], list[np.ndarray]]] = {
    "idx": images.idx,
    "cifar_binary": images.cifar_binary,
    "png_sheets": images.png_sheets,
    "spoken_digits": series.spoken_digits,
    "watch": series.watch,
    "internal_bleeding": series.internal_bleeding,
    "orl": faces.orl,
    "digit_scenes": scenes.digit_scenes,
    "sentiment_lines": text.sentiment_lines,
    "sentiment_json": text.sentiment_json,
    "interface_strings": translations.interface_strings,
}
FAULTS = (OSError, EOFError, ValueError, KeyError, tarfile.TarError, zipfile.BadZipFile, struct.error)
FAULTS += (subprocess.SubprocessError,)


def decode(form: str, files: list[Path], progress: Progress = silent) -> dict[str, np.ndarray]:
    """The arrays of a data set, by their names in ARRAYS.

    Raises:
        DataError: the files are not of that form.
    """
    try:
        return dict(zip(ARRAYS, FORMS[form](files, progress), strict=True))
    except FAULTS as error:
        names = ", ".join(file.name for file in files)
        raise DataError(f"{names} could not be read ({type(error).__name__}: {error})") from None
