"""Texts as arrays keep them, UTF-8 bytes filled up with zeros, and as networks take them: numbers of word pieces.

A word is cut into the longest pieces that the vocabulary has, from its beginning: "unaffable" -> un, ##aff, ##able
(WordPiece: Wu et al. 2016, arXiv:1609.08144; with BERT's rules for what a word is: Devlin et al. 2018,
arXiv:1810.04805). What no piece fits becomes [UNK]. [CLS] goes before a text and [SEP] behind it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from edgekit.core import files
from edgekit.core.errors import DataError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PAD, FIRST, LAST, UNKNOWN = "[PAD]", "[CLS]", "[SEP]", "[UNK]"
UNCASED = "minilm-sentiment/vocab.txt"  # BERT's own vocabulary, which most small text networks share
UNCASED_PIECES = 30522
PAIR = "\x1f"  # ASCII's unit separator: between a text and its translation, where an array keeps both
UNCASED_SHA256 = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"


def kept(texts: Sequence[str], most: int | None = None) -> np.ndarray:
    """Texts as an array keeps them, uint8 (n, longest): UTF-8, filled up with zeros.

    Args:
        most: bytes of a text, which is cut after a whole character; as many as the longest needs if absent.
    """
    lines = [text.replace("\0", " ").encode()[:most] for text in texts]
    lines = [line.decode(errors="ignore").encode() for line in lines] if most else lines
    raw = np.zeros((len(lines), max([1, *map(len, lines)])), np.uint8)
    for row, line in zip(raw, lines, strict=True):
        row[: len(line)] = np.frombuffer(line, np.uint8)
    return raw


def told(raw: np.ndarray) -> str:
    """The text that one row (longest,) keeps."""
    return np.ascontiguousarray(raw).tobytes().rstrip(b"\0").decode(errors="replace")


def asked(raw: np.ndarray) -> str:
    """The same without its translation, where that is kept too."""
    return told(raw).partition(PAIR)[0]


def pieces(texts: Iterable[str], vocabulary: str, sha256: str, length: int, lowercase: bool = True) -> np.ndarray:
    """Numbers of word pieces, int64 (n, length); longer texts are cut, shorter ones filled up with [PAD].

    Args:
        vocabulary: a file with a piece a line, below sample_models/.
        sha256: that it must have.

    Raises:
        DataError: it is not there, or holds other bytes.
    """
    cut = _tokenizer(vocabulary, sha256, length, lowercase)
    # One after the other: a few at a time are not worth threads, which must not be there when a process forks.
    return np.array([cut.encode(text).ids for text in texts], np.int64).reshape(-1, length)


@functools.lru_cache(maxsize=8)
def _tokenizer(vocabulary: str, sha256: str, length: int, lowercase: bool) -> Tokenizer:
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer
    from tokenizers.processors import BertProcessing

    path = files.sample_models() / vocabulary
    if (found := files.sha256(path) if path.exists() else "missing") != sha256:
        raise DataError(
            f"the vocabulary sample_models/{vocabulary} must have sha256 {sha256}; it is {found}. "
            f"Restore it: git checkout -- sample_models/{vocabulary}"
        )
    numbers = {piece: number for number, piece in enumerate(path.read_text("utf-8").rstrip("\n").split("\n"))}
    cut = Tokenizer(WordPiece(numbers, unk_token=UNKNOWN))
    cut.normalizer = BertNormalizer(lowercase=lowercase)
    cut.pre_tokenizer = BertPreTokenizer()
    cut.post_processor = BertProcessing((LAST, numbers[LAST]), (FIRST, numbers[FIRST]))
    cut.enable_truncation(length)
    cut.enable_padding(length=length, pad_id=numbers[PAD], pad_token=PAD)
    return cut
