"""A text as numbers of word pieces, by BERT's rules for what a word is and the vocabulary in vocab.txt."""

import unicodedata
from pathlib import Path

import numpy as np

LONGEST_WORD = 100  # letters; a longer word is unknown


def prepare(raw, settings):
    """One input, (1, length) int64, of one text: a string, or its UTF-8 bytes as an array filled up with zeros."""
    text = raw if isinstance(raw, str) else raw.astype(np.uint8).tobytes().rstrip(b"\0").decode(errors="replace")
    vocabulary = (Path(__file__).parent / "vocab.txt").read_text("utf-8").rstrip("\n").split("\n")
    numbers = {piece: number for number, piece in enumerate(vocabulary)}
    found = [number for word in words(text, settings["lowercase"]) for number in cut(word, numbers)]
    length = settings["length"]
    row = [numbers["[CLS]"], *found[: length - 2], numbers["[SEP]"]]
    return np.int64([row + [numbers["[PAD]"]] * (length - len(row))])


def words(text, lowercase):
    """Words, signs and Chinese characters, each for itself."""
    found = [""]
    kept = [c for c in text if c in "\t\n\r" or (c not in "\0\ufffd" and unicodedata.category(c)[0] != "C")]
    text = "".join(kept)
    if lowercase:
        text = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn").lower()
    for c in text:
        if c.isspace():
            found.append("")
        elif is_sign(c) or is_chinese(ord(c)):
            found += [c, ""]
        else:
            found[-1] += c
    return [word for word in found if word]


def cut(word, numbers):
    """The numbers of the longest pieces, from the beginning; of an unknown word one."""
    found, start = [], 0
    while start < len(word) <= LONGEST_WORD:
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in numbers:
                found.append(numbers[piece])
                break
        else:
            return [numbers["[UNK]"]]
        start = end
    return found or [numbers["[UNK]"]]


def is_sign(c):
    """Whether a character is punctuation, or one of ASCII's other signs."""
    return unicodedata.category(c)[0] == "P" or (c.isascii() and c.isprintable() and not c.isalnum() and c != " ")


def is_chinese(point):
    """Whether a code point is a Chinese character, by BERT's table."""
    blocks = [(0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F)]
    blocks += [(0x2B920, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)]
    return any(low <= point <= high for low, high in blocks)
