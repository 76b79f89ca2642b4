"""What techniques are fed: training samples only, balanced calibration, and batches that a seed repeats."""

import dataclasses

import numpy as np
import pytest
import torch

from edgekit.core.errors import DataError
from edgekit.core.host import Host
from edgekit.core.model import Model
from edgekit.core.preprocessing import Pixels
from edgekit.data import feed
from edgekit.data.catalog import entry
from edgekit.data.splits import load
from edgekit.measure.candidates import Candidates
from edgekit.tasks.classification import Classification

PREPARED = Pixels(mean=(0.2860,), std=(0.3530,))
HOST = Host(id="h", cpu="c", architecture="x86_64", features=(), cores=1, memory_bytes=1, system="Linux")


@pytest.fixture(scope="module")
def fashion():
    return load("fashion-mnist")


def test_samples_that_are_compared_stand_together_and_each_comes_once():
    labels, generator = np.repeat(np.arange(5), 10), torch.Generator().manual_seed(0)
    order = feed._grouped(np.random.default_rng(0).permutation(50), labels, 4, generator)
    assert sorted(order) == list(range(50))
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    assert all(length in (2, 4, 6, 8, 10) for length in np.diff(np.append(starts, 50)))


@pytest.fixture(scope="module")
def candidates(fashion):
    model = Model("m", "M", "0", (1, 28, 28), "fashion-mnist", PREPARED, fashion.entry.classes, Classification())
    return Candidates(model, fashion.validation.take(8))


@pytest.fixture(scope="module")
def bench(fashion, candidates):
    return feed.bench(candidates.model, fashion, host=HOST, candidates=candidates, seed=3)


def test_a_bench_has_one_example_of_the_networks_input(bench, fashion, candidates):
    assert bench.example.shape == (1, 1, 28, 28)
    assert bench.example.dtype == np.float32
    assert (bench.training_size, bench.seed, bench.score) == (len(fashion.training), 3, candidates.score)


def test_calibration_samples_are_balanced_training_images_without_augmentation(bench, fashion):
    inputs = bench.calibration(40)
    chosen = fashion.training.take(40, seed=3)
    np.testing.assert_array_equal(inputs, PREPARED(chosen.raw))
    assert np.bincount(chosen.labels).tolist() == [4] * 10


def test_there_are_never_more_calibration_samples_than_training_samples(bench, fashion):
    assert len(bench.calibration(10**6)) == len(fashion.training)


def test_no_calibration_or_training_sample_is_a_validation_or_test_image(fashion):
    held_out = {image.tobytes() for split in (fashion.validation, fashion.evaluation) for image in split.raw}
    inputs = feed.calibration(fashion.training, PREPARED, 512)
    back = np.rint((inputs * 0.3530 + 0.2860) * 255).astype(np.uint8)
    assert not held_out & {image.tobytes() for image in back.transpose(0, 2, 3, 1)}


@pytest.mark.parametrize("split", ["validation", "evaluation"])
def test_held_out_samples_are_refused_for_calibration_and_training(fashion, split):
    samples = getattr(fashion, split)
    said = f"calibration and training samples must come from the training split; these are from {split}."
    with pytest.raises(DataError) as refused:
        feed.calibration(samples, PREPARED, 8)
    assert str(refused.value) == said
    with pytest.raises(DataError) as refused:
        next(feed.batches(samples, PREPARED, 8, 0, shift=1))
    assert str(refused.value) == said


def test_an_epoch_shows_every_sample_once_in_another_order_each_time(fashion):
    few = fashion.training.take(256)
    first, second = ([labels for _, labels in feed.batches(few, PREPARED, 64, e, shift=0)] for e in (0, 1))
    assert [len(labels) for labels in first] == [64] * 4
    assert torch.bincount(torch.cat(first)).tolist() == np.bincount(few.labels).tolist()
    assert not torch.equal(torch.cat(first), torch.cat(second))


def test_the_same_seed_and_epoch_give_the_same_batches(bench):
    one, other = next(iter(bench.training(32, 5))), next(iter(bench.training(32, 5)))
    assert torch.equal(one[0], other[0])
    assert torch.equal(one[1], other[1])
    assert one[0].shape == (32, 1, 28, 28)


def test_labels_of_many_numbers_stay_with_their_samples(fashion):
    few = fashion.training.take(64)
    rows = dataclasses.replace(few, labels=np.stack([few.labels, few.indices], 1))  # (64, 2)
    assert (rows.take(20).labels[:, 1] == rows.take(20).indices).all()
    assert (rows.take(40).indices[:20] == rows.take(20).indices).all()
    inputs, labels = next(feed.batches(rows, PREPARED, 32, 0, shift=0))
    alone = next(feed.batches(few, PREPARED, 32, 0, shift=0))
    assert (labels.shape, labels.dtype) == ((32, 2), torch.int64)
    assert torch.equal(inputs, alone[0])
    assert torch.equal(labels[:, 0], alone[1])


def test_another_seed_gives_another_order(fashion):
    labels = [next(feed.batches(fashion.training, PREPARED, 64, 0, shift=1, seed=s))[1] for s in (0, 1)]
    assert not torch.equal(*labels)


def test_samples_that_fill_no_last_batch_are_left_out_unless_there_is_only_one(fashion):
    few = fashion.training.take(100)
    assert [len(labels) for _, labels in feed.batches(few, PREPARED, 30, 0, shift=0)] == [30, 30, 30]
    assert [len(labels) for _, labels in feed.batches(few, PREPARED, 128, 0, shift=0)] == [100]


def test_feeding_leaves_the_global_random_state_alone(bench):
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    next(iter(bench.training(32, 0)))
    bench.calibration(8)
    assert torch.equal(before[0], torch.get_rng_state())
    assert (before[1] == np.random.get_state()[1]).all()


def test_augmentation_flips_and_moves_but_never_invents_pixels():
    from edgekit.data.augment import flip_and_shift

    images = torch.arange(1.0, 17).view(1, 1, 4, 4).expand(200, 1, 4, 4)
    moved = flip_and_shift(images, 1, torch.Generator().manual_seed(0))
    assert set(moved.unique().tolist()) <= set(range(17))
    assert moved.unique(dim=0).shape[0] == 18  # two sides × three rows × three columns
    unmoved = flip_and_shift(images, 0, torch.Generator().manual_seed(0))
    assert unmoved.unique(dim=0).shape[0] == 2


def test_digits_are_moved_but_never_mirrored():
    from edgekit.data.augment import flip_and_shift

    images = torch.arange(12.0).reshape(1, 1, 3, 4).repeat(16, 1, 1, 1)
    assert torch.equal(flip_and_shift(images, 0, torch.Generator().manual_seed(0), flip=False), images)
    assert not entry("mnist").flip
    assert entry("cifar10").flip
