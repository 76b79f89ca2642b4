"""A run is made again by the script that comes with it, in another home, and what came out is told as it is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgekit import library, pipeline
from edgekit.core.errors import ModelError, StoreError
from edgekit.core.files import sha256
from edgekit.core.run import Status
from edgekit.recipe import Recipe
from edgekit.report.again import Expected, compared
from edgekit.report.reproduce import command_again, script, write
from edgekit.store.store import Store
from tests.brought import a_file
from tests.factories import a_baseline, a_run, a_stopped_run, measurements

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = 300


def made(name: str, *steps: str):
    """A real run, on a few samples."""
    with Store.open() as store:
        return pipeline.compress(library.load(name), Recipe.parse(*steps), store=store, samples=SAMPLES)


def run_again(folder: Path, home: Path) -> dict:
    """What the script in a folder prints in a fresh home."""
    command = [sys.executable, str(folder / "reproduce.py"), "--json"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"EDGEKIT_HOME": str(home)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_without_training_the_script_makes_the_very_same_file_in_a_fresh_home(own_store, tmp_path):
    run = made("lenet5-fashion", "prune_weights,sparsity=0.5", "quantize_weights,bits=4")
    write(run, tmp_path / "out")
    found = run_again(tmp_path / "out", tmp_path / "elsewhere")
    assert (found["reproduced"], found["same_file"], found["differences"]) == (True, True, [])
    again = tmp_path / "out" / f"lenet5-fashion-prune_weights-quantize_weights-{run.artifact.sha256[:8]}.onnx"
    assert sha256(again) == run.artifact.sha256
    assert found["lines"][0] == "Versions, machine and data are the same."
    assert found["lines"][-1] == "Reproduced."


def test_an_upload_is_made_again_from_its_file_fed_as_it_was(own_store, tmp_path):
    name = library.add(a_file(tmp_path), "fashion-mnist", title='"""My"""\nnetwork\\')
    other = next(way for way, share in library.card(name).ways.items() if share is not None and share < 0.5)
    name = library.feed_otherwise(name, other)
    run = made(name, "quantize_weights,bits=8")
    paths = write(run, tmp_path / "out")
    assert paths["model"].name == "lenet.onnx"
    found = run_again(tmp_path / "out", tmp_path / "elsewhere")
    assert (found["reproduced"], found["same_file"]) == (True, True)


def expected_of(run, trains=False, **changes) -> Expected:
    return Expected.of(run, "file.onnx", trains).model_copy(update=changes)


def test_another_file_is_a_failure_where_nothing_that_decides_it_differs():
    run, other = a_run(made="same"), a_run(made="same")
    again = compared(expected_of(run), other)
    assert (again.reproduced, again.same_file, again.lines[-1]) == (False, False, "NOT reproduced.")
    here, there = other.artifact.sha256[:12], run.artifact.sha256[:12]
    assert again.lines[1] == (
        f"The file is another one, sha256 {here}… where it was {there}…; though nothing that decides its bytes differs."
    )


@pytest.mark.parametrize(("accuracy", "reproduced"), [(0.9190, True), (0.9050, False)])
def test_after_training_what_counts_is_that_it_is_as_good(accuracy, reproduced):
    run, other = a_run(), a_run(measurements=measurements(accuracy, 441_000))
    again = compared(expected_of(run, trains=True), other)
    assert again.reproduced is reproduced
    where = "within" if reproduced else "OUTSIDE"
    assert again.lines[2] == (
        f"Accuracy is {100 * accuracy:.2f} %, {where} the 95 % interval of 91.77 %: 91.23 % to 92.31 %."
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"versions": {"onnxruntime": "1.25", "torch": "2.14"}},
            "Versions differ: onnxruntime 1.24 → 1.25, torch missing → 2.14.",
        ),
        ({"machine": {"id": "b", "cpu": "Another"}}, "The machine differs: Another, where it was A processor."),
        ({"machine": {"id": "b", "cpu": "A processor"}}, "The machine differs: A processor."),
        (
            {"made": "otherwise"},
            "The data differ: more or fewer training samples are here, or a teacher was trained again.",
        ),
    ],
    ids=["versions", "machine", "alike machine", "data"],
)
def test_what_differs_is_said_and_excuses_another_file(changes, sentence):
    again = compared(expected_of(a_run(made="so")), a_run(**{"made": "so"} | changes))
    assert again.differences == [sentence]
    assert again.lines[0] == sentence
    assert "the conditions differ" in again.lines[1]
    assert again.reproduced, "it is as good"


def test_a_model_that_was_trained_again_is_refused_before_anything_slow_starts(own_store):
    run = a_run(model_sha256="f" * 64)
    with pytest.raises(ModelError) as refused:
        expected_of(run).check(library.load("lenet5-fashion"))
    assert str(refused.value).startswith(f"lenet5-fashion must have sha256 {'f' * 64}, as when run {run.id} was made; ")


def test_the_script_is_python_that_says_what_it_was_made_from(own_store):
    text = script(a_run(seed=3, samples=500))
    compile(text, "reproduce.py", "exec")
    assert "python -m edgekit compress lenet5-fashion --step quantize_static --seed 3 --samples 500" in text
    assert "samples=500, split='test', seed=3, fresh=True" in text
    assert "ranges: minmax" in text, "settings at their defaults too: a later version may have others"


def test_layers_with_odd_names_stay_text_in_the_script(own_store):
    odd = '"""\nimport os  # \\'
    recipe = [{"prune_weights": {"sparsity": 0.5, "layers": {odd: {"sparsity": 0.1}}}}]
    text = script(a_run(recipe=recipe))
    found: dict = {"__name__": "read"}
    exec(compile(text, "reproduce.py", "exec"), found)  # the functions only, as on import
    assert Recipe.parse(found["RECIPE"]).to_list() == Recipe.parse(recipe).to_list()


def test_the_original_has_a_script_and_no_command(own_store):
    assert command_again(a_baseline()) == ""
    compile(script(a_baseline()), "reproduce.py", "exec")


def test_of_a_run_that_has_not_finished_nothing_can_be_made_again():
    with pytest.raises(StoreError) as refused:
        script(a_stopped_run(Status.CANCELLED))
    assert "a report is of finished runs;" in str(refused.value)
