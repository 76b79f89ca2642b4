"""One contract for every format: it says what it makes, where its tools come from, and what it cannot hold."""

from pathlib import Path

import pytest

from edgekit.core.errors import ExportError
from edgekit.export import scripts
from edgekit.export.formats import format_of, formats
from tests.export.runs import FOUR_BITS, INTEGERS, graph, saved

NAMES = sorted(formats())


def test_the_formats_of_the_readme_are_all_found():
    wanted = {"onnx", "ort", "openvino", "litert", "executorch", "ncnn", "coreml", "tflite_micro", "tensorrt"}
    assert set(NAMES) == wanted


def test_a_near_miss_is_answered_with_the_nearest_format():
    with pytest.raises(ExportError, match=r"^no format 'openvin'\. Did you mean 'openvino'\?$"):
        format_of("openvin")


@pytest.mark.parametrize("name", NAMES)
def test_a_format_says_what_a_person_must_know(name):
    kind = formats()[name]
    assert kind.title
    assert kind.makes
    assert kind.runs or kind.why_not
    assert bool(kind.requirements) == bool(kind.megabytes)
    assert not kind.script or (Path(scripts.__file__).with_name(f"{kind.script}.py")).exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_format_without_its_tools_says_how_to_get_them(name, tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path))
    kind = formats()[name]
    monkeypatch.setattr(type(kind), "modules", ("no_such_module",))
    assert kind.missing() == f"needs its tools, about {kind.megabytes:,} MB: python -m edgekit export setup {name}"


@pytest.mark.usefixtures("own_store")
def test_integers_are_kept_or_refused_and_never_made_floats_quietly(tmp_path):
    integers, floats = graph(saved(tmp_path, INTEGERS)), graph(saved(tmp_path, FOUR_BITS))
    for kind in formats().values():
        precision = kind.default(integers)
        assert precision == "int8" or kind.precisions == ("as it is",) or kind.cannot(integers, precision)
        assert kind.cannot(floats, kind.default(floats)) == ""
