"""Which .tflite a device kit takes along, and why there is none."""

import pytest

from edgekit.export.exported import REPORT
from edgekit.export.exporting import place
from edgekit.export.for_boards import tflite_of
from edgekit.export.formats import formats
from tests.export.exports import an_export

pytestmark = pytest.mark.usefixtures("own_store")


def kept(precision: str, **changes) -> None:
    """An export as the page Deploy keeps it."""
    folder = place("run00001", "litert", precision)
    folder.mkdir(parents=True)
    (folder / "a.tflite").write_bytes(b"x")
    (folder / REPORT).write_text(an_export(precision=precision, **changes).model_dump_json())


def test_integers_are_taken_before_floats():
    kept("fp32")
    assert tflite_of("run00001") == (place("run00001", "litert", "fp32") / "a.tflite", "")
    kept("int8")
    assert tflite_of("run00001") == (place("run00001", "litert", "int8") / "a.tflite", "")


def test_one_that_answers_otherwise_is_not_taken():
    kept("int8", problems=["It answers otherwise."])
    assert tflite_of("run00001") == (
        None, "No .tflite: what LiteRT (TFLite) made of this run does not answer as its file does.",
    )  # fmt: skip


def test_without_an_export_or_without_tools_that_is_said(tmp_path, monkeypatch):
    kind = formats()["litert"]
    monkeypatch.setattr(type(kind), "modules", ())
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path))
    assert tflite_of("run00001") == (None, "No .tflite yet: export this run to LiteRT (TFLite) first.")
    monkeypatch.setattr(type(kind), "modules", ("no_such_module",))
    assert tflite_of("run00001") == (
        None,
        "No .tflite: LiteRT (TFLite) needs its tools, about 960 MB: python -m edgekit export setup litert, then "
        "export this run to it.",
    )
