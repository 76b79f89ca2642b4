"""The Deploy page: what to do where there is nothing, the formats with their state, and problems in red."""

import io
import zipfile

import pytest

from edgekit.export.exported import REPORT
from edgekit.export.exporting import place
from edgekit.export.fastest import Place, Ranked
from edgekit.store.store import Store
from edgekit.ui import deploy_fastest, deploy_results
from tests.export.exports import accuracy, an_export, interval
from tests.export.runs import INTEGERS, saved
from tests.factories import a_measurement, a_run
from tests.pages import fine, opened

pytestmark = pytest.mark.usefixtures("own_store")
PAGE = "pages/deploy.py"


def a_place(format: str, latency: float, **changes) -> Place:
    """A runtime that answers as ONNX Runtime does, which takes 0.1 ms."""
    values = {
        "format": format, "precision": "int8", "runtime": f"{format} 1.0", "again": True,
        "latency": a_measurement("latency_ms", latency, 0.0001), "ratio": interval(latency / 0.1),
        "quality": accuracy(0.92), "disagreements": 1, "size_bytes": 450_000, "holds": True,
    }  # fmt: skip
    return Place(**values | changes)


def test_without_runs_it_says_what_to_do_first():
    app = fine(opened(PAGE))
    assert [button.label for button in app.button] == ["Compress a network"]


def test_every_format_stands_there_with_its_state_and_one_click(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path / "none"))
    run = saved(tmp_path, INTEGERS)
    app = fine(opened(PAGE, run=run.id))
    keys = {button.key for button in app.button}
    assert {"export-onnx", "export-ort", "export-tensorrt", "fastest"} <= keys
    assert {"setup-executorch", "setup-litert"} & keys
    assert any(
        "Not from this file: a file whose activations are rounded is not taken" in caption.value
        for caption in app.caption
    )
    assert any(caption.value.startswith("Nothing yet.") for caption in app.caption)


def test_a_run_whose_file_is_gone_is_said():
    with Store.open() as store:
        store.save(run := a_run())
    app = fine(opened(PAGE, run=run.id))
    assert len(app.info) == 1


def test_a_problem_is_red_and_stands_in_the_table(tmp_path):
    run = saved(tmp_path, INTEGERS)
    folder = place(run.id, "litert", "int8")
    folder.mkdir(parents=True)
    (folder / "a.tflite").write_bytes(b"x")
    lost = "Accuracy is 3.2 points below the ONNX file's; at most 0.5 is good."
    (folder / REPORT).write_text(an_export(run=run.id, problems=[lost]).model_dump_json())
    app = opened(PAGE, run=run.id)
    assert [error.value for error in app.error] == [f"**LiteRT (TFLite), 8-bit integers.** {lost}"]


def test_the_table_says_what_was_measured_and_what_was_not():
    not_run = {"quality": None, "latency": None, "original_latency": None, "ratio": None, "samples": 0}
    rows = deploy_results.table([an_export(), an_export(problems=["x"]), an_export(**not_run)]).to_dict("records")
    assert [row["Check"] for row in rows] == ["holds", "problem", "not run here"]
    assert (rows[0]["Against ONNX"], rows[0]["Other answers"], rows[0]["Speed"]) == (
        "−0.2 points", "3 of 500", "2.00× faster",
    )  # fmt: skip
    assert rows[0]["Point of its own"] == "re-quantized here"
    assert (rows[2]["Quality"], rows[2]["Latency"], rows[2]["Speed"]) == ("–", "–", "–")


def test_the_winner_answers_as_the_file_does():
    wrong, right = a_place("litert", 0.02, holds=False), a_place("executorch", 0.05)
    ranked = Ranked(run="r", samples=500, places=[wrong, right, a_place("onnx", 0.1)], left_out={})
    assert deploy_fastest._winner(ranked) == (
        "**executorch 1.0** is the fastest here: 0.0500 ms a sample, 2.00× faster than ONNX Runtime."
    )
    tie = Ranked(run="r", samples=500, places=[a_place("openvino", 0.099), a_place("onnx", 0.1)], left_out={})
    assert deploy_fastest._winner(tie).startswith("**openvino 1.0** and ONNX Runtime tie here")
    names = {trace.name: list(trace.y) for trace in deploy_fastest.chart(ranked).data}
    assert names == {"Answers as the ONNX file": ["ExecuTorch", "ONNX"], "Answers otherwise": ["LiteRT (TFLite)"]}


def test_several_files_come_as_one_zip(tmp_path):
    (tmp_path / "a.xml").write_bytes(b"1")
    (tmp_path / "a.bin").write_bytes(b"2")
    found = an_export(main="a.xml", files={"a.xml": 1, "a.bin": 1})
    archive = zipfile.ZipFile(io.BytesIO(deploy_results.content(tmp_path, found)))
    assert {name: archive.read(name) for name in archive.namelist()} == {"a.xml": b"1", "a.bin": b"2"}
    assert deploy_results.label(tmp_path, found) == f"lenet5-fashion-{tmp_path.name}.zip"
