"""Texts in two languages as software carries them: pairs of a source and its translation, split without overlap."""

import hashlib
import json
import re
import struct
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from edgekit.core import byte_pairs
from edgekit.core.progress import Progress, each, silent
from edgekit.core.text import PAIR, kept

CHARACTERS = 60  # of a text, at most
PIECES = 20  # of a text at most, with the one that ends it
TEST = 800  # pairs of the test set
HELD_OUT = 1200  # pairs that pieces are not learned from: those of the test and validation sets are among them
FRENCH = re.compile(r"/(?:fr|fr_FR)/LC_MESSAGES/[^/]+\.mo$")
BY_KEY = re.compile(r"/translations/(?P<part>.*?)(?P<language>en|fr)-[0-9a-f]{32}\.json$")
MARKUP = re.compile(r"[<>\n]")
WORD = re.compile(r"[a-z]")


def interface_strings(files: list[Path], progress: Progress) -> list[np.ndarray]:
    """Packages with the French catalogs of their own interfaces, as gettext compiles them or as JSON by key."""
    return split(catalogs(files, progress))


def catalogs(files: list[Path], progress: Progress) -> list[tuple[str, str]]:
    """All pairs of English and French in some packages."""
    return [pair for path in each(files, progress, lambda path: f"Reading {path.name}") for pair in _catalogs(path)]


def split(pairs: Iterable[tuple[str, str]], test: int = TEST) -> list[np.ndarray]:
    """Training pairs and the pieces of their translations, then those of the test set, in the order of `once`.

    Args:
        test: pairs of the test set.

    Returns:
        uint8 texts (n, longest): source, PAIR, translation; and uint16 (n, PIECES): its pieces, the last, padding.
    """
    cut = [(pair, pieces) for pair in once(pairs) if (pieces := _pieces(*pair)) is not None]
    raw = kept([PAIR.join(pair) for pair, _ in cut])
    labels = np.array([pieces for _, pieces in cut], np.uint16).reshape(-1, PIECES)
    return [raw[test:], labels[test:], raw[:test], labels[:test]]


def once(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Pairs worth translating, in an order that looks random: that of the sha256 of their sources.

    No source and no translation is there twice, capitals and spaces aside: of two pairs that share one, the first in
    order stays. So wherever the list is cut, none is on both sides.
    """
    seen: set[tuple[str, str]] = set()
    found = []
    for source, target in sorted(_fit(pairs), key=lambda pair: (_hash(pair[0]), pair)):
        own = {("source", source.casefold()), ("target", target.casefold())}
        if seen.isdisjoint(own):
            seen |= own
            found.append((source, target))
    return found


def learned(files: list[Path], progress: Progress = silent) -> str:
    """The merges that sample_models/translator-en-fr/merges.txt holds, of pairs that are in no other split."""
    texts = [text for pair in once(catalogs(files, progress))[HELD_OUT:] for text in pair]
    return byte_pairs.learned(texts, byte_pairs.ENGLISH_FRENCH_PIECES)


def _fit(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Pairs worth translating: short words without markup that are not the same in both languages; spaces are plain."""
    for source, target in pairs:
        if MARKUP.search(source.strip() + target.strip()) or not WORD.search(source):
            continue
        source, target = (" ".join(text.split()) for text in (source, target))
        longest = max(len(source), len(target))
        if source and target and longest <= CHARACTERS and source.casefold() != target.casefold():
            yield source, target


def _pieces(source: str, target: str) -> list[int] | None:
    """Those of the translation, filled up to PIECES; None where either text has more."""
    own, cut = byte_pairs.numbers([source, target])
    if max(len(own), len(cut)) >= PIECES:
        return None
    return [*cut, byte_pairs.LAST] + [byte_pairs.PAD] * (PIECES - 1 - len(cut))


def _hash(source: str) -> bytes:
    return hashlib.sha256(source.casefold().encode()).digest()


def _catalogs(path: Path) -> Iterator[tuple[str, str]]:
    """All pairs in a wheel."""
    by_key: dict[str, dict[tuple[str, ...], str]] = {"en": {}, "fr": {}}
    with zipfile.ZipFile(path) as wheel:
        for name in sorted(wheel.namelist()):
            if FRENCH.search(name):
                yield from _compiled(wheel.read(name))
            elif found := BY_KEY.search(name):
                by_key[found["language"]] |= dict(_leaves(json.loads(wheel.read(name)), (found["part"],)))
    yield from ((text, by_key["fr"][key]) for key, text in by_key["en"].items() if key in by_key["fr"])


def _compiled(content: bytes) -> Iterator[tuple[str, str]]:
    """The pairs of a .mo file: https://www.gnu.org/software/gettext/manual/html_node/MO-Files.html

    What stands before the character 4 is a context; singular and plural have a zero between them.
    """
    order = "<" if content[:4] == b"\xde\x12\x04\x95" else ">"
    count, sources, targets = struct.unpack_from(f"{order}3I", content, 8)
    for number in range(count):
        texts = []
        for table in (sources, targets):
            length, start = struct.unpack_from(f"{order}2I", content, table + 8 * number)
            texts.append(content[start : start + length].decode().rpartition("\x04")[2].split("\0"))
        (one, *_), (its, *_) = texts
        yield one, its
        yield texts[0][-1], texts[1][-1]


def _leaves(values: dict, key: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*key, name))
        elif isinstance(value, str):
            yield (*key, name), value
