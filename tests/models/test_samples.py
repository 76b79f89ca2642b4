"""The sample models are what their cards claim, and a file that is not is refused with the way to mend it."""

import shutil

import numpy as np
import pytest
import torch

from edgekit.core import files
from edgekit.core.errors import ModelError
from edgekit.core.interval import wilson
from edgekit.core.technique import Fact
from edgekit.data import splits
from edgekit.data.catalog import entry
from edgekit.models import card as card_of
from edgekit.models import samples
from edgekit.models.architectures import multiply_accumulates, parameters

TO_REACH = {
    "anomaly-autoencoder": 0.98,
    "digits-detector": 0.90,
    "digits-gru": 0.97,
    "efficientnet-lite0-cifar10": 0.935,
    "gestures-cnn": 0.80,
    "lenet5-fashion": 0.91,
    "lenet5-mnist": 0.992,
    "mobilenetv2-cifar10": 0.93,
    "resnet20-cifar10": 0.915,
    "resnet8-cifar10": 0.87,
    "siamese-faces-mobile": 0.92,
    "translator-en-fr": 0.30,
    "translator-en-fr-small": 0.29,
}
NAMES = list(TO_REACH)
LENET = "lenet5-fashion"


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A folder of sample models of this test's own."""
    shutil.copytree(files.sample_models() / LENET, tmp_path / LENET)
    monkeypatch.setattr(files, "sample_models", lambda: tmp_path)
    return tmp_path / LENET


def test_the_sample_models_that_come_along_are_these():
    assert [name for name, card in samples.cards().items() if not (card.on_request or card.shape_only)] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_card_tells_the_truth_about_its_file(name):
    card = samples.card(name)
    network = samples.load(name).network
    assert card.sha256 == files.sha256(files.sample_models() / name / "model.safetensors")
    assert card.params == parameters(network)
    example = torch.from_numpy(card.preprocessing(np.zeros((1, *entry(card.data).shape), np.uint8)))
    assert card.macs == multiply_accumulates(network, tuple(example.shape[1:]), example.dtype)
    assert card.command == f"python sample_models/{name}/train.py"


@pytest.mark.parametrize("name", list(samples.cards()))
def test_a_card_repeats_its_plan(name):
    from edgekit.models.plan import SHAPES, plan

    planned = SHAPES[name] if name in SHAPES else plan(name)
    card, planned = samples.card(name).model_dump(), planned.model_dump()
    same = card.keys() & planned.keys()
    assert {"architecture", "data", "preprocessing", "seed"} | ({"epochs"} if name not in SHAPES else set()) <= same
    assert {key: card[key] for key in same} == {key: planned[key] for key in same}


@pytest.mark.parametrize("name", NAMES)
def test_the_quality_reaches_what_was_asked_and_the_interval_of_an_accuracy_is_wilsons(name):
    claimed = samples.card(name).quality
    interval = wilson(claimed.value * claimed.samples, claimed.samples)
    if claimed.metric != "accuracy":  # a bootstrap's, over units of its task
        interval = claimed
    assert claimed.samples == entry(samples.card(name).data).evaluation
    assert claimed.value >= TO_REACH[name]
    assert (claimed.low, claimed.high) == pytest.approx((interval.low, interval.high), abs=2e-6)


def test_the_accuracy_on_the_card_of_lenet5_is_what_the_whole_test_set_gives():
    _measured_again(LENET, 10_000, 5)  # a processor may round five of ten thousand the other way


@pytest.mark.parametrize("name", ["resnet20-cifar10", "resnet8-cifar10"])
def test_the_accuracy_on_the_card_of_a_resnet_holds_on_a_part_of_the_test_set(name, cifar10):
    _measured_again(name, 2_000, 40)


def test_a_model_brings_all_that_is_needed_to_run_it():
    model = samples.load(LENET)
    assert (model.id, model.data, model.input_shape) == (LENET, "fashion-mnist", (1, 28, 28))
    assert model.labels[9] == "Ankle boot"
    assert not model.network.training
    assert model.facts() >= {Fact.NETWORK, Fact.TRAINING_DATA}
    assert model.card["licence"] == "MIT, as the rest of EdgeKit"


def test_loading_again_gives_the_same_model_and_draws_no_random_number():
    samples._load.cache_clear()
    before = torch.get_rng_state()
    assert samples.load(LENET) is samples.load(LENET)
    assert torch.equal(before, torch.get_rng_state())


def test_an_unknown_model_is_refused_with_the_nearest_name():
    with pytest.raises(ModelError) as refused:
        samples.load("resnet8-cifar")
    assert str(refused.value) == "no model 'resnet8-cifar'. Did you mean 'resnet8-cifar10'?"


def test_weights_that_were_changed_are_refused_with_the_way_to_restore_them(copied):
    path = copied / "model.safetensors"
    known, content = files.sha256(path), bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ModelError) as refused:
        samples.load(LENET)
    assert str(refused.value) == (
        f"the weights of {LENET} must have sha256 {known}, as its card says; theirs is {files.sha256(path)}. "
        f"Restore them: git checkout -- sample_models/{LENET}, "
        f"or train them again: python sample_models/{LENET}/train.py"
    )


def test_missing_weights_are_refused_with_the_way_to_restore_them(copied):
    (copied / "model.safetensors").unlink()
    with pytest.raises(ModelError) as refused:
        samples.load(LENET)
    assert str(refused.value) == (
        f"sample_models/{LENET}/model.safetensors is missing. "
        f"Restore them: git checkout -- sample_models/{LENET}, "
        f"or train them again: python sample_models/{LENET}/train.py"
    )


def _measured_again(name: str, n: int, tolerance: int) -> None:
    model = samples.load(name)
    some = splits.load(model.data).evaluation.take(n)
    found = card_of.quality(model.network, model.preprocessing, some)
    assert abs(found.value - model.card["quality"]["value"]) <= tolerance / n
