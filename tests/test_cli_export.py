"""The verbs export, fastest and bundle on the command line."""

import json
import zipfile

import pytest
from typer.testing import CliRunner

from edgekit.cli import app
from edgekit.core.errors import ExportError
from tests.export.runs import INTEGERS, saved

pytestmark = pytest.mark.usefixtures("own_store")


def printed(*words: str) -> dict:
    """What a verb prints with --json."""
    result = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_formats_are_listed_with_their_state():
    found = {one["id"]: one for one in printed("export", "formats")["formats"]}
    assert (found["onnx"]["state"], found["tensorrt"]["runs_here"]) == ("ready", False)
    assert (found["litert"]["re_quantized_here"], found["coreml"]["re_quantized_here"]) == (True, False)


def test_a_run_is_exported_and_checked(tmp_path):
    run = saved(tmp_path, INTEGERS)
    found = printed("export", run.id, "--to", "ort", "--out", str(tmp_path / "out"), "--samples", "50")
    assert (found["format"], found["samples"], found["disagreements"], found["problems"]) == ("ort", 50, 0, [])
    assert found["latency"]["unit"] == "ms"
    assert (tmp_path / "out" / found["main"]).stat().st_size == found["size_bytes"]


def test_export_without_a_target_says_what_it_needs():
    with pytest.raises(ExportError, match=r"^export needs a run, --to FORMAT and --out DIR"):
        CliRunner().invoke(app, ["export", "somerun"], catch_exceptions=False)


def test_a_format_that_needs_no_tools_is_set_up_at_once():
    assert printed("export", "setup", "ort") == {"format": "ort", "environment": None}


def test_runtimes_are_ranked_and_those_left_out_are_said(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path / "none"))
    found = printed("fastest", saved(tmp_path, INTEGERS).id, "--samples", "50")
    times = [place["latency"]["value"] for place in found["places"]]
    assert times == sorted(times)
    assert {"onnx", "ort"} <= {place["format"] for place in found["places"]}
    assert found["left_out"]["ncnn"].startswith("a file whose activations are rounded is not taken")


def test_a_bundle_is_written(tmp_path):
    found = printed("bundle", saved(tmp_path).id, "--out", str(tmp_path / "lenet.zip"))
    assert zipfile.ZipFile(tmp_path / "lenet.zip").testzip() is None
    assert found["bytes"] == (tmp_path / "lenet.zip").stat().st_size
