"""No sample is in two splits; subsets are balanced, nested and always the same; Fashion-MNIST works with no network."""

import hashlib

import numpy as np
import pytest

from edgekit.core.errors import DataError
from edgekit.data.catalog import entries
from edgekit.data.packaged import unpacked
from edgekit.data.splits import Samples, Split, load


@pytest.fixture(scope="module")
def fashion():
    return load("fashion-mnist")


def test_fashion_mnist_comes_with_edgekit(fashion):
    assert (len(fashion.training), len(fashion.validation), len(fashion.evaluation)) == (8_000, 2_000, 10_000)
    assert np.bincount(fashion.evaluation.labels).tolist() == [1_000] * 10
    assert fashion.entry.classes[fashion.evaluation.labels[0]] == "Ankle boot"


def test_the_packaged_test_set_is_the_official_one(fashion):
    promised = entries()["fashion-mnist"].sha256
    found = fashion.evaluation
    assert hashlib.sha256(found.raw.tobytes()).hexdigest() == promised["evaluation_raw"]
    assert hashlib.sha256(found.labels.tobytes()).hexdigest() == promised["evaluation_labels"]


def test_no_image_of_fashion_mnist_is_in_two_splits(fashion):
    _disjoint(fashion, known=1)  # one training image was published twice


def test_no_image_of_cifar10_is_in_two_splits(cifar10):
    _disjoint(load("cifar10"), known=0)


def test_cifar10_has_its_official_sizes(cifar10):
    found = load("cifar10")
    assert (len(found.training), len(found.validation), len(found.evaluation)) == (47_500, 2_500, 10_000)
    assert found.evaluation.raw.shape == (10_000, 32, 32, 3)


def test_validation_is_the_first_of_the_training_set(fashion):
    assert fashion.validation.indices.tolist() == list(range(2_000))
    assert fashion.training.indices[0] == 2_000


@pytest.mark.parametrize("n", [1, 10, 37, 500, 9_999])
def test_a_subset_holds_every_class_equally_often(fashion, n):
    counts = np.bincount(fashion.evaluation.take(n).labels, minlength=10)
    assert counts.sum() == n
    assert counts.max() - counts.min() <= 1


def test_subsets_are_nested_and_always_the_same(fashion):
    small, large = fashion.evaluation.take(100), fashion.evaluation.take(500)
    assert large.indices[:100].tolist() == small.indices.tolist()
    assert fashion.evaluation.take(100).key == small.key
    assert large.take(100).key == small.key


def test_a_subset_keeps_pixels_labels_and_places_together(fashion):
    few = fashion.evaluation.take(50)
    assert (few.raw == fashion.evaluation.raw[few.indices]).all()
    assert (few.labels == fashion.evaluation.labels[few.indices]).all()


def test_another_seed_takes_other_samples(fashion):
    some, others = fashion.training.take(100), fashion.training.take(100, seed=1)
    assert len(set(some.indices) & set(others.indices)) < 20
    assert np.bincount(others.labels).tolist() == [10] * 10


def test_a_rare_class_is_taken_whole():
    labels = np.array([0] * 95 + [1] * 5)
    samples = Samples("toy", Split.TRAINING, np.zeros((100, 2, 2, 1), np.uint8), labels, np.arange(100))
    assert np.bincount(samples.take(40).labels).tolist() == [35, 5]


def test_asking_for_more_than_there_is_gives_all(fashion):
    assert fashion.evaluation.take(20_000) is fashion.evaluation


def test_asking_for_no_samples_is_refused(fashion):
    with pytest.raises(DataError) as refused:
        fashion.evaluation.take(0)
    assert str(refused.value) == "the number of samples must be at least 1, not 0."


def test_keys_tell_splits_subsets_and_pixels_apart(fashion):
    changed = np.array(fashion.validation.take(10).raw)
    few = fashion.validation.take(10)
    changed[0, 0, 0, 0] ^= 1
    other = Samples(few.data, few.split, changed, few.labels, few.indices)
    keys = {fashion.validation.key, fashion.evaluation.key, few.key, other.key}
    assert len(keys) == 4
    assert few.key.startswith("fashion-mnist-validation-")


def test_opening_again_gives_the_same_dataset_without_reading_it_again(fashion):
    assert load("fashion-mnist") is fashion


def test_pixels_cannot_be_changed_by_mistake(fashion):
    with pytest.raises(ValueError, match="read-only"):
        fashion.evaluation.raw[0] = 0


def test_a_missing_data_set_is_refused_with_the_command_that_fetches_it(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path))
    with pytest.raises(DataError) as refused:
        load("cifar10")
    assert str(refused.value) == "CIFAR-10 is not on this machine. Fetch it: python -m edgekit data pull cifar10"


def test_a_damaged_packaged_set_is_unpacked_again_by_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path))
    folder = unpacked(entries()["fashion-mnist"])
    (folder / "evaluation_labels.npy").write_bytes(b"rubbish")
    assert np.bincount(load("fashion-mnist").evaluation.labels).tolist() == [1_000] * 10


def test_a_packaged_file_that_was_changed_is_refused_with_the_way_to_restore_it(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path))
    entry = entries()["fashion-mnist"]
    real = entry.packaged.labels.sha256
    labels = entry.packaged.labels.model_copy(update={"sha256": "0" * 64})
    changed = entry.model_copy(update={"packaged": entry.packaged.model_copy(update={"labels": labels})})
    with pytest.raises(DataError) as refused:
        unpacked(changed)
    name = "sample_models/lenet5-fashion/fashion-mnist-labels.npy"
    assert str(refused.value) == (
        f"{name} must have sha256 {'0' * 64}; it is {real}. Restore it: git checkout -- {name}"
    )


def _disjoint(dataset, known: int) -> None:
    """By the hash of every image; `known` images of training are in the published data twice."""
    splits = (dataset.training, dataset.validation, dataset.evaluation)
    seen = [{hashlib.blake2b(image.tobytes()).digest() for image in split.raw} for split in splits]
    shared = len(seen[0] & seen[1]) + len(seen[0] & seen[2]) + len(seen[1] & seen[2])
    assert shared <= known
    indices = np.concatenate([dataset.training.indices, dataset.validation.indices])
    assert len(np.unique(indices)) == len(indices)
