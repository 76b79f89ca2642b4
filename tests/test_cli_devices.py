"""The verbs about devices: one stable object with --json, lines for a person without, sentences for mistakes."""

import json

import pytest
from typer.testing import CliRunner

from edgekit.cli import app
from edgekit.core.errors import EdgeKitError
from edgekit.store.store import Store
from tests.devices.boards import HERE, benched, two_runs, unpacked
from tests.devices.graphs import integers

pytestmark = pytest.mark.usefixtures("own_store")


def said(*words: object) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_devices_are_listed_with_the_rates_that_there_are():
    found = {one["id"]: one for one in json.loads(said("devices", "--json"))["devices"]}
    assert len(found) == 19
    assert "ncnn, 4 threads, int8" in found["raspberry-pi-4"]["rates"]
    assert found["max78000"]["rates"] == []
    assert "raspberry-pi-4" in said("devices")


def test_an_estimate_says_what_it_is_of_and_how_sure_it_is(tmp_path):
    file = integers(tmp_path / "file.onnx")
    (found,) = json.loads(said("estimate", file, "--device", "raspberry-pi-4", "--rate", 30, "--json"))["estimates"]
    assert (found["device"], found["precision"], found["fits"]) == ("raspberry-pi-4", "int8", True)
    assert found["latency_ms"]["origin"] == "estimated"
    assert found["latency_ms"]["low"] < found["latency_ms"]["value"] < found["latency_ms"]["high"]
    assert found["average_watts"] > 2.9
    assert found["nearest_published"][0]["source"]
    assert "80 % band" in said("estimate", file, "--device", "raspberry-pi-4")


def test_without_a_device_there_is_one_line_for_each(tmp_path):
    assert len(said("estimate", integers(tmp_path / "file.onnx")).splitlines()) == 19


def test_threads_are_asked_for_on_a_device(tmp_path):
    file = integers(tmp_path / "file.onnx")
    assert "1 thread" in said("estimate", file, "--device", "raspberry-pi-4", "--threads", 1)
    with pytest.raises(EdgeKitError) as refused:
        said("estimate", file, "--threads", 1)
    assert str(refused.value) == "--threads needs a --device: each has rates for other numbers of threads."


def test_bench_gives_the_result_of_a_device_kit(tmp_path):
    file = integers(tmp_path / "file.onnx")
    found = json.loads(said("bench", file, "--seconds", "0.1", "--threads", 1, "--board", "Mine", "--json"))
    assert (found["format"], found["board"], found["threads"]) == ("edgekit-device-result/1", "Mine", 1)
    assert len(found["files"][0]["ms"]) >= 50


def test_a_kit_is_written_and_its_result_taken_in(tmp_path):
    with Store.open() as store:
        _, run = two_runs(store, tmp_path / "files")
    kit = tmp_path / "kit.zip"
    said("devices", "kit", run.id, "--out", kit, "--device", HERE)
    folder = unpacked(kit.read_bytes(), tmp_path / "board")
    assert benched(folder, "--board", "A board").returncode == 0
    found = json.loads(said("devices", "add", folder / "result.json", "--run", run.id, "--json"))
    assert (found["board"], found["device"]) == ("A board", HERE)
    assert len(found["recalibrated"]) == 2  # floats, of the original, and integers
    assert all(one["error_before"] > 0 for one in found["recalibrated"])
    assert "A board" in said("devices", "add", folder / "result.json", "--run", run.id)
    with pytest.raises(EdgeKitError) as refused:
        said("devices", "forget", run.id, "A bord")
    assert str(refused.value) == "no board 'A bord'. Did you mean 'A board'?"
    assert said("devices", "forget", run.id, "A board") == "A board: forgotten\n"
    with Store.open() as store:
        assert store.get(run.id).boards == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["estimate", "nothing.onnx"], "an ONNX file must lie at nothing.onnx, but it cannot be read"),
        (["bench", "nothing.onnx"], "there must be a file at nothing.onnx, but there is none."),
        (
            ["devices", "add", "nothing.json", "--run", "r"],
            "there must be a result at nothing.json, but there is none.",
        ),
        (["devices", "kit", "nobody"], "no run 'nobody' in the store"),
    ],
)
def test_a_mistake_is_said_in_a_sentence(words, sentence):
    with pytest.raises(EdgeKitError) as refused:
        CliRunner().invoke(app, words, catch_exceptions=False)
    assert str(refused.value).startswith(sentence)
