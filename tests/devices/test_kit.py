"""A device kit, really unpacked and run in a process that knows nothing of EdgeKit, and its result brought back."""

import json
import re
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from edgekit.core.errors import MeasureError
from edgekit.core.files import sha256
from edgekit.core.measurement import Origin
from edgekit.devices import own
from edgekit.devices.result import parse
from edgekit.store.store import Store
from tests.devices.boards import HERE, benched, two_runs, unpacked

TINY = Path(__file__).parents[1] / "export" / "tiny_int8.tflite"


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "store") as opened:
        yield opened


def test_a_kit_makes_the_round_to_a_board_and_back(store, tmp_path, own_store):
    base, run = two_runs(store, tmp_path / "files")
    folder = unpacked(own.kit_of(run, store, HERE), tmp_path / "board")
    assert {path.name for path in folder.iterdir()} == {
        "model.onnx", "original.onnx", "bench.py", "kit.json", "README.txt",
    }  # fmt: skip
    assert sha256(folder / "model.onnx") == run.artifact.sha256
    done = benched(folder, "--board", "A board on a desk")
    assert done.returncode == 0, done.stderr
    assert "written: result.json" in done.stdout

    point = own.add((folder / "result.json").read_bytes(), store.get(run.id), store)
    kept = store.get(run.id).boards
    assert kept == [point]
    assert (point.board, point.device, point.threads) == ("A board on a desk", HERE, 1)
    assert (point.latency.origin, point.latency.device) == (Origin.MEASURED, "A board on a desk")
    assert point.latency.low <= point.latency.value <= point.latency.high
    assert point.ratio.value == pytest.approx(point.latency.value / point.baseline.value, rel=0.5)


def test_a_tflite_of_the_run_goes_along_and_its_times_become_a_point_of_its_own(store, tmp_path, own_store):
    pytest.importorskip("ai_edge_litert")
    _, run = two_runs(store, tmp_path / "files")
    folder = unpacked(own.kit_of(run, store, HERE, TINY), tmp_path / "board")
    assert "python bench.py model.tflite" in (folder / "README.txt").read_text()
    done = benched(folder, "model.tflite", "--board", "A board")
    assert done.returncode == 0, done.stderr
    point = own.add((folder / "result.json").read_bytes(), store.get(run.id), store)
    assert (point.board, point.baseline, point.ratio) == ("A board, model.tflite", None, None)
    assert re.fullmatch(r"LiteRT \d+\.\d+.*", point.runtime)
    assert point.latency.value > 0
    assert benched(folder).returncode == 0
    own.add((folder / "result.json").read_bytes(), store.get(run.id), store)
    assert len(store.get(run.id).boards) == 2


def test_a_tflite_that_was_in_no_kit_of_the_run_is_refused(store, tmp_path, own_store):
    pytest.importorskip("ai_edge_litert")
    base, run = two_runs(store, tmp_path / "files")
    folder = unpacked(own.kit_of(base, store, HERE, TINY), tmp_path / "board")
    assert benched(folder, "model.tflite").returncode == 0
    with pytest.raises(MeasureError, match="^a result must time the file of this run, but it is of others"):
        own.add((folder / "result.json").read_bytes(), store.get(run.id), store)


def test_a_kit_without_a_tflite_says_how_to_get_one(store, tmp_path):
    _, run = two_runs(store, tmp_path / "files")
    readme = (unpacked(own.kit_of(run, store), tmp_path / "board") / "README.txt").read_text()
    assert "There is no model.tflite in this kit, as the run was not exported to LiteRT" in readme


def test_what_bench_cannot_run_is_said_in_a_sentence(store, tmp_path):
    _, run = two_runs(store, tmp_path / "files")
    folder = unpacked(own.kit_of(run, store), tmp_path / "board")
    (folder / "broken.onnx").write_bytes(b"no graph")
    done = benched(folder, "broken.onnx")
    assert done.stderr.startswith("broken.onnx cannot be opened by onnxruntime: Load model from broken.onnx failed")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    both = benched(folder, "model.onnx", "model.tflite")
    assert both.stderr.strip() == "name .onnx files or .tflite files, not both: a result is of one runtime."
    (folder / "ai_edge_litert.py").write_text("raise ImportError")
    (folder / "tflite_runtime.py").write_text("raise ImportError")
    code = "import runpy, sys; sys.path.insert(0, '.'); sys.argv[1:] = ['a.tflite']\n"
    code += "runpy.run_path('bench.py', None, '__main__')"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.stderr.strip() == "a.tflite needs a runtime that is not installed here: pip install ai-edge-litert"


def test_a_file_that_was_swapped_on_the_board_is_noticed_there(store, tmp_path):
    _, run = two_runs(store, tmp_path / "files")
    folder = unpacked(own.kit_of(run, store), tmp_path / "board")
    (folder / "model.onnx").write_bytes((folder / "original.onnx").read_bytes())
    done = benched(folder)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "model.onnx is not the file that this kit was made with: its checksum differs. Unpack the kit again."
    )


def test_the_kit_of_an_original_holds_it_once(store, tmp_path):
    base, _ = two_runs(store, tmp_path / "files")
    with zipfile.ZipFile(BytesIO(own.kit_of(base, store))) as packed:
        assert sorted(packed.namelist()) == ["README.txt", "bench.py", "kit.json", "model.onnx"]
        assert json.loads(packed.read("kit.json"))["run"] == base.id


def test_the_same_kit_has_the_same_bytes(store, tmp_path):
    _, run = two_runs(store, tmp_path / "files")
    assert own.kit_of(run, store, "raspberry-pi-4") == own.kit_of(run, store, "raspberry-pi-4")


def test_bench_needs_something_to_run(tmp_path, store):
    _, run = two_runs(store, tmp_path / "files")
    folder = unpacked(own.kit_of(run, store), tmp_path / "board")
    (folder / "kit.json").unlink()
    assert "name a .onnx or .tflite file" in benched(folder).stderr


def test_what_bench_writes_is_what_result_reads(store, tmp_path):
    _, run = two_runs(store, tmp_path / "files")
    folder = unpacked(own.kit_of(run, store), tmp_path / "board")
    assert benched(folder, "model.onnx", "--out", "mine.json").returncode == 0
    result = parse((folder / "mine.json").read_bytes())
    assert [one.sha256 for one in result.files] == [run.artifact.sha256]
    assert len(result.files[0].ms) >= 50
