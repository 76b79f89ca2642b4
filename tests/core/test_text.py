"""Texts in arrays and as word pieces: known numbers of BERT's vocabulary, cuts at whole characters, the right file."""

import numpy as np
import pytest

from edgekit.core import files
from edgekit.core.errors import DataError
from edgekit.core.preprocessing import Text
from edgekit.core.text import UNCASED, UNCASED_PIECES, UNCASED_SHA256, kept, pieces, told


def cut(*texts: str, length: int = 8) -> list[list[int]]:
    return pieces(texts, UNCASED, UNCASED_SHA256, length).tolist()


def test_texts_become_the_numbers_that_bert_knows_them_by():
    assert cut("Hello, world!") == [[101, 7592, 1010, 2088, 999, 102, 0, 0]]
    assert cut("tokenization", "") == [[101, 19204, 3989, 102, 0, 0, 0, 0], [101, 102, 0, 0, 0, 0, 0, 0]]


def test_capitals_and_accents_are_put_aside_and_what_no_piece_fits_is_unknown():
    assert cut("Café") == cut("cafe")
    assert cut("\U0001f9ff", length=3) == [[101, 100, 102]]


def test_a_longer_text_is_cut_and_still_ends():
    assert cut("Hello, world!", length=4) == [[101, 7592, 1010, 102]]


def test_texts_are_kept_as_bytes_and_told_again():
    texts = ["", "good", "schön — 好"]
    raw = kept(texts)
    assert (raw.dtype, raw.shape) == (np.uint8, (3, len(texts[2].encode())))
    assert [told(row) for row in raw] == texts


def test_a_cut_never_splits_a_character_and_no_text_at_all_has_a_shape():
    assert told(kept(["schön"], most=4)[0]) == "sch"
    assert kept(["", ""]).shape == (2, 1)


def test_what_a_network_takes_is_told_without_opening_the_vocabulary():
    way = Text(length=64, vocabulary="none.txt", sha256="0")
    assert way.shape((477,)) == (64,)
    assert way.in_words((477,)) == "text, as 64 word pieces"


def test_the_numbers_come_from_raw_bytes_whatever_stands_behind_them():
    way, raw = Text(length=6), kept(["Hello, world!"])
    longer = np.pad(raw, ((0, 0), (0, 50)))
    assert way(raw).tolist() == way(longer).tolist() == [[101, 7592, 1010, 2088, 999, 102]]
    assert way(raw).dtype == np.int64


def test_another_vocabulary_than_the_one_named_is_refused():
    with pytest.raises(DataError) as said:
        pieces(["a"], UNCASED, "0" * 64, 4)
    assert str(said.value) == (
        f"the vocabulary sample_models/{UNCASED} must have sha256 {'0' * 64}; it is {UNCASED_SHA256}. "
        f"Restore it: git checkout -- sample_models/{UNCASED}"
    )


def test_the_vocabulary_has_as_many_pieces_as_is_said():
    assert (files.sample_models() / UNCASED).read_text("utf-8").count("\n") == UNCASED_PIECES
