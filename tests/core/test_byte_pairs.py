"""Texts become pieces and texts again without loss, and the joins are those that stand side by side most often."""

import numpy as np
import pytest

from edgekit.core import byte_pairs, files
from edgekit.core.errors import DataError
from edgekit.core.preprocessing import TextPairs
from edgekit.core.text import PAIR, asked, kept

TEXTS = ["Open the file", "Voulez-vous vraiment supprimer « %(name)s » ?", "schön — 好 🙂", "a"]


def test_a_text_comes_back_from_its_pieces_whatever_it_holds():
    assert [byte_pairs.text(cut) for cut in byte_pairs.numbers(TEXTS)] == TEXTS
    assert byte_pairs.numbers([""]) == [[]]


def test_what_stands_behind_the_last_piece_is_not_said():
    (cut,) = byte_pairs.numbers(["Fermer"])
    assert byte_pairs.text([*cut, byte_pairs.LAST, 400, 500]) == "Fermer"
    assert byte_pairs.text([byte_pairs.PAD, *cut]) == ""


def test_neighbours_that_stand_together_most_often_are_joined_first():
    merges = byte_pairs.learned(["low low low low lot"], pieces=3 + 256 + 3).splitlines()
    assert merges == ["l o", "Ġ lo", "Ġlo w"]  # Ġ is the space before a word


def test_frequent_words_are_one_piece_each():
    assert len(byte_pairs.numbers(["Supprimer la page"])[0]) == 3


def test_the_merges_that_come_along_make_as_many_pieces_as_is_said():
    merges = (files.sample_models() / byte_pairs.ENGLISH_FRENCH).read_text("utf-8").splitlines()
    assert len(byte_pairs.SPECIALS) + 256 + len(merges) == byte_pairs.ENGLISH_FRENCH_PIECES


def test_other_merges_are_refused_with_the_way_to_restore_them():
    with pytest.raises(DataError) as refused:
        byte_pairs.numbers(["a"], byte_pairs.ENGLISH_FRENCH, "0" * 64)
    assert str(refused.value) == (
        f"the merges sample_models/translator-en-fr/merges.txt must have sha256 {'0' * 64}; it is "
        f"{byte_pairs.ENGLISH_FRENCH_SHA256}. Restore it: git checkout -- sample_models/translator-en-fr/merges.txt"
    )


def test_a_pair_becomes_the_source_and_what_was_written_so_far():
    (open_it,), (its,) = byte_pairs.numbers(["Open", "Ouvrir"])
    rows = TextPairs(length=4)(kept([f"Open{PAIR}Ouvrir", "Open"]))
    assert rows.dtype == np.int64
    assert rows.tolist() == [[open_it, 2, 0, 0, 1, its, 0, 0], [open_it, 2, 0, 0, 1, 0, 0, 0]]


def test_longer_texts_are_cut_and_a_source_still_ends():
    way = TextPairs(length=3)
    (row,) = way(kept([f"Close the page{PAIR}Fermer la page"]))
    source, target = byte_pairs.numbers(["Close the page", "Fermer la page"])
    assert row.tolist() == [*source[:2], 2, 1, *target[:2]]
    assert way.shape((40,)) == (6,)
    assert way.in_words((40,)) == "text, as 3 byte pairs, and as many of its translation so far"


def test_of_a_pair_the_source_alone_is_asked():
    assert [asked(row) for row in kept([f"Open{PAIR}Ouvrir", "Open"])] == ["Open", "Open"]
