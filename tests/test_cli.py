"""The command line: one stable object per verb with --json, sentences instead of tracebacks."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from typer.testing import CliRunner

from edgekit.artifacts.export import export
from edgekit.cli import app, main
from edgekit.core.files import sha256
from edgekit.core.run import Status
from edgekit.store.store import Store
from tests.artifacts.networks import convolutional, example
from tests.brought import a_file
from tests.factories import a_baseline, a_run, a_stopped_run

METRICS = {
    "accuracy", "macro_f1", "size_bytes", "shipped_bytes", "coded_bytes", "weight_bits", "latency_ms", "latency_p95_ms",
    "peak_memory_bytes", "params", "macs",
}  # fmt: skip


def printed(*words: str) -> dict:
    """What a verb prints with --json."""
    result = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def refused(monkeypatch, capsys) -> Callable[..., tuple[int, str, str]]:
    """Exit status, stdout and stderr of the command line with these words."""

    def answer(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["edgekit", *words])
        monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # typer sets one of its own
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    return answer


def test_models_lists_the_samples_with_their_accuracy():
    found = {model["id"]: model for model in printed("models")["models"]}
    assert {"lenet5-fashion", "resnet8-cifar10", "resnet20-cifar10"} <= set(found)
    assert found["lenet5-fashion"]["params"] == 431_080
    assert found["lenet5-fashion"]["quality"]["value"] >= 0.91


def test_a_model_is_added_listed_and_removed(home, tmp_path):
    found = printed("models", "add", str(a_file(tmp_path)), "--data", "fashion-mnist", "--title", "My network")
    assert (found["title"], found["params"], found["why_no_network"]) == ("My network", 431_080, "")
    assert found["id"] in {model["id"] for model in printed("models")["models"]}
    assert printed("models", "remove", found["id"]) == {"removed": found["id"]}
    assert found["id"] not in {model["id"] for model in printed("models")["models"]}


def test_a_file_that_is_no_network_is_refused_in_a_sentence(tmp_path, refused):
    (tmp_path / "notes.onnx").write_text("nothing that runs")
    code, out, said = refused("models", "add", str(tmp_path / "notes.onnx"), "--data", "fashion-mnist")
    assert code == 1
    assert said.strip() == (
        "notes.onnx must be an ONNX file, but it looks like text. Export the network to ONNX with the tool that wrote "
        "this file."
    )


def test_techniques_lists_every_setting_with_its_range():
    found = {technique["id"]: technique for technique in printed("techniques")["techniques"]}
    bits = next(s for s in found["quantize_weights"]["settings"] if s["name"] == "bits")
    assert (bits["kind"], bits["low"], bits["high"], bits["unit"]) == ("int", 2, 8, "bits")


def test_techniques_as_markdown_has_a_section_and_a_table_for_each():
    text = CliRunner().invoke(app, ["techniques", "--markdown"]).stdout
    for name in printed("techniques")["techniques"]:
        assert f"## {name['title']} (`{name['id']}`)" in text
    assert "| `sparsity` |" in text


def test_data_list_says_what_is_here():
    found = {data["id"]: data for data in printed("data", "list")["data"]}
    assert found["fashion-mnist"]["present"]


@pytest.mark.usefixtures("home")
def test_compress_prints_one_object_that_describes_the_file_it_wrote(tmp_path: Path):
    out = tmp_path / "out"
    found = printed(
        "compress", "lenet5-fashion", "--step", "prune_weights,sparsity=0.5", "--step", "quantize_dynamic",
        "--samples", "300", "--out", str(out), "--each-step",
    )  # fmt: skip
    (file,) = out.iterdir()
    assert found["artifact"] == {"path": str(file), "sha256": sha256(file), "bytes": file.stat().st_size}
    assert found["recipe"] == [{"prune_weights": {}}, {"quantize_dynamic": {}}]
    assert set(found["measurements"]) == set(found["baseline"]) == METRICS
    for measurement in [*found["measurements"].values(), *found["baseline"].values()]:
        assert set(measurement) == {"value", "low", "high", "unit", "origin", "how"}
    assert set(found["comparison"]) >= {"latency_ratio", "speed", "size_ratio", "accuracy_difference", "p_value"}
    assert found["comparison"]["speed"] in ("faster", "slower", "tie")
    assert found["disagreements"]["total"] == 300
    assert [step["technique"] for step in found["steps"]] == ["prune_weights", "quantize_dynamic"]
    assert found["changes"]
    assert found["seconds"] > 0
    listed = printed("runs")["runs"]
    assert [run["id"] for run in listed] == [found["id"], listed[1]["id"]]

    again = printed("measure", str(file), "--data", "fashion-mnist", "--samples", "300")
    assert again["artifact"]["sha256"] == found["artifact"]["sha256"]
    assert again["measurements"]["accuracy"]["value"] == found["measurements"]["accuracy"]["value"]
    assert set(again["measurements"]) == METRICS


@pytest.mark.usefixtures("home")
def test_advise_says_what_the_cards_say_with_a_command_for_each():
    base = a_baseline()
    run = a_run(
        recipe=[{"quantize_fp16": {}}],
        baseline=base.id,
        comparison=a_run().comparison.model_copy(update={"speed": "tie"}),
    )
    with Store.open() as store:
        for one in (base, run):
            store.save(one)
    found = printed("advise", run.id, "--size-bytes", "400e3")
    assert (found["run"], found["model"]) == (run.id, "lenet5-fashion")
    cards = {one["id"]: one for one in found["advice"]}
    assert set(cards["half_floats_without_speed"]) == {
        "id", "tone", "title", "why", "recipe", "promises", "model", "budget",
    }  # fmt: skip
    assert cards["half_floats_without_speed"]["recipe"] == [{"quantize_static": {}}]
    assert "the size on disk is still above the budget" in cards["go_further"]["why"]
    said = CliRunner().invoke(app, ["advise", run.id]).stdout
    assert "Why is FP16 not faster?" in said
    assert "  python -m edgekit compress lenet5-fashion --step quantize_static" in said


@pytest.mark.usefixtures("home")
def test_advise_is_for_finished_runs_of_the_store(refused):
    run = a_stopped_run(Status.FAILED, "the disk is full.")
    with Store.open() as store:
        store.save(run)
    assert refused("advise", run.id)[::2] == (
        1,
        f"advice is for finished runs; {run.id} is failed. the disk is full.\n",
    )
    status, _, why = refused("advise", "nosuchrun")
    assert (status, why.startswith("no run 'nosuchrun' in the store")) == (1, True)
    status, _, why = refused("advise", run.id, "--size-bytes", "0")
    assert (status, why) == (1, "The budget: size_bytes must be greater than 0, not 0.0\n")


@pytest.mark.usefixtures("home")
def test_a_recipe_may_come_from_a_yaml_file(tmp_path: Path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("- quantize_weights: {bits: 4, activations: float}\n")
    found = printed("compress", "lenet5-fashion", "--recipe", str(recipe), "--samples", "200")
    assert found["recipe"] == [{"quantize_weights": {"bits": 4, "activations": "float"}}] or found["recipe"] == [
        {"quantize_weights": {}}
    ]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["compress", "lenet", "--step", "quantize_static"],
            "no model 'lenet'. Did you mean 'lenet5-fashion'?",
        ),
        (
            ["compress", "lenet5-fashion", "--step", "quantise_static"],
            "Step 1: no technique 'quantise_static'. Did you mean 'quantize_static'?",
        ),
        (
            ["compress", "lenet5-fashion", "--step", "prune_weights,sparsty=0.5"],
            "Step 1: Magnitude pruning: no setting 'sparsty'. Did you mean 'sparsity'?",
        ),
        (
            ["compress", "lenet5-fashion"],
            "compress needs a recipe: either one or more --step, or --recipe FILE, not both.",
        ),
        (
            ["compress", "lenet5-fashion", "--recipe", "nowhere.yaml"],
            "--recipe must name a YAML file; there is no file nowhere.yaml.",
        ),
        (
            ["data", "pull", "cifar"],
            "no data set 'cifar'. Did you mean 'cifar10'?",
        ),
    ],
)
def test_a_mistake_is_answered_in_one_sentence_without_a_traceback(words: list[str], sentence: str, refused):
    status, out, err = refused(*words, "--json")
    assert status == 1
    assert err.strip() == sentence
    assert json.loads(out) == {"error": sentence}


def test_a_process_answers_a_mistake_in_the_same_way():
    sentence = "compress needs a recipe: either one or more --step, or --recipe FILE, not both."
    command = [sys.executable, "-m", "edgekit", "compress", "lenet5-fashion", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (1, {"error": sentence}, sentence + "\n")


def test_a_file_that_is_no_model_is_refused(tmp_path: Path, refused):
    file = tmp_path / "model.onnx"
    file.write_bytes(b"not a model")
    status, _, err = refused("measure", str(file), "--data", "fashion-mnist")
    assert status == 1
    assert "Traceback" not in err
    assert err.startswith("model.onnx must be an ONNX file")


def test_pack_writes_a_smaller_file_and_unpack_gives_back_the_same(tmp_path):
    path = tmp_path / "network.onnx"
    onnx.save(export(convolutional(), example()), path)
    before = path.read_bytes()
    found = printed("pack", str(path))
    packed = tmp_path / "network.onnx.ek"
    assert found == {"path": str(packed), "bytes": packed.stat().st_size, "bytes_before": len(before)}
    assert found["bytes"] < len(before)
    path.unlink()
    assert printed("unpack", str(packed))["path"] == str(path)
    assert path.read_bytes() == before
    printed("unpack", str(packed), "--out", str(tmp_path / "there" / "again.onnx"))
    assert (tmp_path / "there" / "again.onnx").read_bytes() == before


def test_what_a_library_in_c_writes_to_stdout_does_not_spoil_the_answer():
    code = "import os\nfrom edgekit.__main__ import own_stdout\n"
    code += "with own_stdout(): os.write(1, b'noise'); print('answer')"
    done = subprocess.run([sys.executable, "-W", "always::ResourceWarning", "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("answer\n", "noise")


def test_whoever_has_read_enough_may_close_the_pipe():
    command = [sys.executable, "-m", "edgekit", "techniques", "--markdown"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        assert process.stderr.read() == ""


def test_pack_says_which_file_is_missing(tmp_path, refused):
    status, _, why = refused("pack", str(tmp_path / "none.onnx"))
    assert (status, why) == (1, f"there must be a file at {tmp_path / 'none.onnx'}, but there is none.\n")


def test_layers_says_what_each_can_bear(own_store):
    found = printed("layers", "lenet5-fashion", "--axis", "weights", "--samples", "50")
    assert (found["model"], found["samples"], found["done"]) == ("lenet5-fashion", 50, ["weights"])
    assert list(found["cells"]["weights"]) == ["conv1", "conv2", "fc1", "fc2"]
    assert set(found["cells"]["weights"]["fc1"][0]) == {"lost", "low", "high"}


def test_a_run_of_the_command_line_remembers_its_preview(own_store):
    run = printed("compress", "lenet5-fashion", "--step", "quantize_static", "--samples", "200")
    with Store.open() as store:
        assert sorted(store.get(run["id"]).predicted) == ["accuracy", "latency_ms", "size_bytes"]
