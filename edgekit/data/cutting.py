"""Which of a person's samples are for training, for choosing by, and for the final score: by class, and by a seed.

Exact copies are found by their hashes and left out, so that no sample is on two sides of a split.
"""

import hashlib

import numpy as np

from edgekit.core.errors import DataError
from edgekit.data.reading import Found, Part

TEST, VALIDATION = 0.25, 0.1  # shares: of all samples, and of those that are left then
FEWEST, FEWEST_EACH = 20, 3  # samples in all, and of a class


def cut(found: Found, seed: int = 0) -> tuple[Part, Part, int, int]:
    """(training, test, validation, copies): the first `validation` of the training samples are held out to choose by.

    Classes have the same shares everywhere. A test set that was marked as one stays as it is, but for copies.

    Args:
        seed: of which samples go where.

    Raises:
        DataError: there are too few samples, in all or of a class.
    """
    generator = np.random.default_rng(seed)
    marked = found.test
    test, seen = _without_copies(marked, set()) if marked else (None, set())
    training, _ = _without_copies(found.training, seen)
    given = len(found.training.raw) + (len(marked.raw) if marked else 0)
    copies = given - len(training.raw) - (len(test.raw) if test else 0)
    _enough(training, found.classes)
    if test is None:
        first, rest = _shares(training, TEST, generator)
        training, test = _taken(training, rest), _taken(training, first)
    first, rest = _shares(training, VALIDATION, generator)
    return _taken(training, np.concatenate([first, rest])), test, len(first), copies


def _without_copies(part: Part, seen: set[bytes]) -> tuple[Part, set[bytes]]:
    """The first of each sample that was not seen before, and all that were seen by then."""
    seen, kept = set(seen), []
    for number, one in enumerate(part.raw):
        digest = hashlib.blake2b(np.ascontiguousarray(one).data, digest_size=16).digest()
        if digest not in seen:
            seen.add(digest)
            kept.append(number)
    return (part if len(kept) == len(part.raw) else _taken(part, np.array(kept, np.int64))), seen


def _enough(part: Part, classes: tuple[str, ...]) -> None:
    if len(part.raw) < FEWEST:
        raise DataError(f"there must be at least {FEWEST} different samples to work with, not {len(part.raw)}.")
    counts = np.bincount(part.labels, minlength=len(classes)) if classes else []
    if few := [f"{name} ({count})" for name, count in zip(classes, counts, strict=True) if count < FEWEST_EACH]:
        raise DataError(f"every class must have at least {FEWEST_EACH} different samples; too few: {', '.join(few)}.")


def _shares(part: Part, share: float, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Places of `share` of the samples, and of the others; of each class at least one in both. Both in random order."""
    labels = np.zeros(len(part.raw), np.int64) if part.labels is None or part.labels.dtype.kind == "f" else part.labels
    first, rest = [], []
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        count = int(np.clip(round(share * len(members)), 1, len(members) - 1)) if len(members) > 1 else 0
        first.append(members[:count])
        rest.append(members[count:])
    return generator.permutation(np.concatenate(first)), generator.permutation(np.concatenate(rest))


def _taken(part: Part, rows: np.ndarray) -> Part:
    return Part(part.raw[rows], None if part.labels is None else part.labels[rows])
