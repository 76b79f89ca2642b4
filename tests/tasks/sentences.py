"""A small language that a tiny network learns: English colours and things, and what they are called in French."""

from collections.abc import Iterator, Sequence

import numpy as np

from edgekit.core import byte_pairs
from edgekit.data.forms.translations import PIECES

THINGS = {"house": "maison", "car": "voiture", "door": "porte", "table": "table", "page": "page", "key": "clé"}
COLOURS = {"red": "rouge", "yellow": "jaune", "pink": "rose", "beige": "beige", "orange": "orange"}
VERBS = {"Open": "Ouvrir", "Close": "Fermer", "Add": "Ajouter", "Remove": "Supprimer", "Paint": "Peindre"}


def pairs() -> Iterator[tuple[str, str]]:
    """150 texts with their translations, in which colours stand behind things."""
    for verb, its in VERBS.items():
        for thing, name in THINGS.items():
            for colour, tone in COLOURS.items():
                yield f"{verb} the {colour} {thing}", f"{its} la {name} {tone}"


def labels_of(texts: Sequence[str]) -> np.ndarray:
    """Their pieces, the last one, and padding: (n, PIECES)."""
    rows = [[*cut, byte_pairs.LAST] for cut in byte_pairs.numbers(texts)]
    return np.array([row + [byte_pairs.PAD] * (PIECES - len(row)) for row in rows], np.int64)


def said_of(labels: np.ndarray, sure: float = 0.9) -> np.ndarray:
    """What a file that says just this gives once it was run, (n, PIECES, 3)."""
    logs = np.where(labels != byte_pairs.PAD, np.log(sure), 0)
    return np.stack([labels, logs, labels], -1).astype(np.float32)
