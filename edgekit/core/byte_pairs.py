"""Texts as numbers of byte pairs, and back without loss: what networks that write texts take and put out.

A text starts as bytes. Learning joins the two neighbours that stand side by side most often, again and again; a text is
then cut by the same joins in the same order (byte-pair encoding: Sennrich, Haddow and Birch 2016, arXiv:1508.07909; of
bytes, and never across words: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners"). So frequent
words are one piece, and rare ones several. The joins are kept in a file, a line each.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from edgekit.core import files
from edgekit.core.errors import DataError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PAD, FIRST, LAST = 0, 1, 2  # behind the end; before a text that is written; at the end of a text
SPECIALS = ("[PAD]", "[FIRST]", "[LAST]")
ENGLISH_FRENCH = "translator-en-fr/merges.txt"  # learned from the training texts of both languages together
ENGLISH_FRENCH_PIECES = 2000
ENGLISH_FRENCH_SHA256 = "5d88e20891748047dba45f58011604ef2c09fe7ac0931120ab9896f3779a19f3"


def numbers(texts: Iterable[str], merges: str = ENGLISH_FRENCH, sha256: str = ENGLISH_FRENCH_SHA256) -> list[list[int]]:
    """The pieces of each text, without special ones; of an empty text none.

    Args:
        merges: a file with a join a line, below sample_models/.
        sha256: that it must have.

    Raises:
        DataError: it is not there, or holds other bytes.
    """
    cut = _tokenizer(merges, sha256)
    # One after the other: a few at a time are not worth threads, which must not be there when a process forks.
    return [cut.encode(text).ids if text else [] for text in texts]


def text(pieces: Iterable[int], merges: str = ENGLISH_FRENCH, sha256: str = ENGLISH_FRENCH_SHA256) -> str:
    """What pieces say, up to the first special one; see `numbers`."""
    said = []
    for piece in pieces:
        if piece < len(SPECIALS):
            break
        said.append(int(piece))
    return _tokenizer(merges, sha256).decode(said).strip()


def learned(texts: Sequence[str], pieces: int) -> str:
    """The joins that make so many pieces of such texts, special ones included: the content of a file of merges."""
    from tokenizers.trainers import BpeTrainer

    cut = _of([])
    alphabet = list(_alphabet())
    how = BpeTrainer(vocab_size=pieces, initial_alphabet=alphabet, special_tokens=list(SPECIALS), show_progress=False)
    cut.train_from_iterator(texts, how)
    return "".join(f"{one} {other}\n" for one, other in json.loads(cut.to_str())["model"]["merges"])


@functools.lru_cache(maxsize=8)
def _tokenizer(merges: str, sha256: str) -> Tokenizer:
    path = files.sample_models() / merges
    if (found := files.sha256(path) if path.exists() else "missing") != sha256:
        raise DataError(
            f"the merges sample_models/{merges} must have sha256 {sha256}; it is {found}. "
            f"Restore it: git checkout -- sample_models/{merges}"
        )
    return _of([tuple(line.split(" ")) for line in path.read_text("utf-8").splitlines()])


def _of(joins: list[tuple[str, str]]) -> Tokenizer:
    from tokenizers import Tokenizer
    from tokenizers.decoders import ByteLevel as Bytes
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel

    known = [*SPECIALS, *_alphabet(), *dict.fromkeys(one + other for one, other in joins)]
    cut = Tokenizer(BPE({piece: number for number, piece in enumerate(known)}, joins))
    cut.pre_tokenizer = ByteLevel(add_prefix_space=True)  # a word is the same piece at the beginning and within
    cut.decoder = Bytes()
    return cut


def _alphabet() -> list[str]:
    """A character for each of the 256 bytes."""
    from tokenizers.pre_tokenizers import ByteLevel

    return sorted(ByteLevel.alphabet())
