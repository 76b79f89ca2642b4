"""A sample model is remade from nothing by one command, and the card that comes out is of the file that comes out."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from edgekit.core import files
from edgekit.core.errors import ModelError
from edgekit.data.splits import load
from edgekit.models import card as card_of
from edgekit.models import samples
from edgekit.models.plan import plan
from edgekit.models.remake import trained
from edgekit.models.samples import Card
from tests.models.requested import a_large_model

SHORT = plan("lenet5-fashion").model_copy(update={"epochs": 1})


@pytest.fixture(scope="module")
def few():
    return load("fashion-mnist").training.take(640)


def test_the_same_plan_gives_the_same_weights_and_draws_no_global_random_number(few):
    before = torch.get_rng_state()
    one, other = (trained(SHORT, few).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert torch.equal(before, torch.get_rng_state())


def test_another_seed_gives_other_weights(few):
    one = trained(SHORT, few).state_dict()
    other = trained(SHORT.model_copy(update={"seed": 1}), few).state_dict()
    assert not torch.equal(one["fc1.weight"], other["fc1.weight"])


def test_a_student_comes_nearer_to_its_teacher_than_one_that_saw_labels_alone(few):
    teacher, short = samples.load("lenet5-fashion"), SHORT.model_copy(update={"average": 0.0, "epochs": 6})
    images = torch.from_numpy(SHORT.preprocessing(few.raw))

    def distance(network: torch.nn.Module) -> float:
        with torch.no_grad():
            own, wanted = (one(images).log_softmax(1) for one in (network, teacher.network))
        return float(torch.nn.functional.kl_div(own, wanted, reduction="batchmean", log_target=True))

    taught, alone = (trained(short.model_copy(update={"teacher": one}), few) for one in (teacher.id, ""))
    assert distance(taught) < 0.9 * distance(alone)
    assert not teacher.network.training


def test_without_epochs_the_last_layer_alone_is_solved(few):
    plain = SHORT.model_copy(update={"architecture": "resnet8", "epochs": 0})
    before, after = (trained(plain.model_copy(update={"whitened": n}), few).state_dict() for n in (0, 1))
    assert [name for name in before if not torch.equal(before[name], after[name])] == ["fc.weight", "fc.bias"]


def test_a_teacher_that_takes_other_inputs_is_refused(few):
    with pytest.raises(ModelError) as refused:
        trained(SHORT.model_copy(update={"teacher": "lenet5-mnist"}), few)
    assert str(refused.value).startswith("the teacher of lenet5-fashion must have its data and preprocessing; ")
    assert str(refused.value).endswith(". Give train.py the same, or another teacher.")


def test_a_teacher_that_was_not_built_is_asked_for(few, tmp_path, monkeypatch):
    teacher = a_large_model(tmp_path, monkeypatch)
    with pytest.raises(ModelError, match=r"Large .* is built on request: python -m edgekit models build large \("):
        trained(SHORT.model_copy(update={"teacher": teacher}), few)


def test_data_that_cannot_be_had_is_said_in_a_sentence_and_nothing_is_written(tmp_path):
    script = files.sample_models() / "lenet5-fashion" / "train.py"
    (tmp_path / "cache").write_text("a file where the cache folder should be")
    environment = os.environ | {"EDGEKIT_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, script, "--out", tmp_path / "out"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip().startswith("the cache folder must have room and be writable;")
    assert list((tmp_path / "out").iterdir()) == []


def test_the_card_command_measures_what_it_writes(tmp_path, monkeypatch, capsys):
    source = files.sample_models() / "lenet5-fashion"
    monkeypatch.setattr(files, "sample_models", lambda: tmp_path)
    (tmp_path / "lenet5-fashion").mkdir()
    for name in ("train.py", "fashion-mnist.png", "fashion-mnist-labels.npy"):
        (tmp_path / "lenet5-fashion" / name).symlink_to(source / name)
    monkeypatch.setattr(card_of.splits, "load", _first_test_images(load))
    words = ["lenet5-fashion", "--weights", str(source / "model.safetensors"), "--seconds", "7", "--machine", "mine"]
    assert card_of.main(words) == 0
    written = Card(**yaml.safe_load((tmp_path / "lenet5-fashion" / "card.yaml").read_text()))
    assert (written.retrain_seconds, written.machine, written.quality.samples) == (7, "mine", 500)
    assert written.sha256 == files.sha256(source / "model.safetensors")
    assert (
        capsys.readouterr().out == f"lenet5-fashion: accuracy {written.quality.value:.2%} of 500, 431,080 parameters\n"
    )
    assert card_of.main(["lenet5-fashion"]) == 0
    again = Card(**yaml.safe_load((tmp_path / "lenet5-fashion" / "card.yaml").read_text()))
    assert again == written


def test_a_plan_of_no_model_is_refused():
    with pytest.raises(ModelError) as refused:
        plan("vgg16")
    known = sorted(path.parent.name for path in files.sample_models().glob("*/train.py"))
    assert str(refused.value) == f"no model with a train.py 'vgg16'. There are: {', '.join(known)}."


def test_a_stranger_to_the_sample_models_is_refused_by_the_card_command(capsys):
    assert card_of.main(["vgg16"]) == 1
    assert capsys.readouterr().err.startswith("no model with a train.py 'vgg16'.")


def test_scripts_hold_no_code_of_their_own_but_the_plan():
    for script in files.sample_models().glob("*/train.py"):
        assert len(Path(script).read_text().splitlines()) < 40


def _first_test_images(really):
    """The data set with only 500 test images, so that the test is short."""
    return lambda name: replace(really(name), evaluation=really(name).evaluation.take(500))
