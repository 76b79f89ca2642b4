"""A brought data set is cut by class and seed, kept whole, found among the others, and gone once it is removed."""

import hashlib

import numpy as np
import pytest

from edgekit.core.errors import DataError
from edgekit.data import bring, splits
from edgekit.data.catalog import brought, brought_folder, entries, entry
from edgekit.data.cutting import cut
from edgekit.data.download import pull, status
from edgekit.data.reading import Found, Part
from tests.data.brought import clusters, in_a_folder, in_a_zip, pictures


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEKIT_HOME", str(tmp_path / "home"))


def found(n: int = 90, copies: int = 0) -> Found:
    x, y = clusters(n)
    x, y = np.concatenate([x, x[:copies]]), np.concatenate([y, y[:copies]])
    return Found("values", ("a", "b", "c"), Part(x, y))


def digests(raw: np.ndarray) -> set[bytes]:
    return {hashlib.blake2b(one.tobytes()).digest() for one in raw}


def test_a_quarter_is_the_test_set_and_every_class_has_its_share_everywhere():
    training, test, validation, copies = cut(found())
    assert (len(training.raw), len(test.raw), validation, copies) == (66, 24, 6, 0)
    assert np.bincount(test.labels).tolist() == [8, 8, 8]
    assert np.bincount(training.labels[:validation]).tolist() == [2, 2, 2]


def test_no_sample_is_on_two_sides_even_if_it_was_given_twice():
    training, test, _, copies = cut(found(copies=30))
    assert (len(training.raw) + len(test.raw), copies) == (90, 30)
    assert not digests(training.raw) & digests(test.raw)


def test_what_is_in_a_marked_test_set_is_not_trained_on():
    x, y = clusters(60)
    training, test, _, copies = cut(Found("values", ("a", "b", "c"), Part(x, y), Part(x[:20], y[:20])))
    assert (len(training.raw), len(test.raw), copies) == (40, 20, 20)
    assert np.array_equal(test.raw, x[:20])


def test_the_seed_alone_decides_what_goes_where():
    first, again, other = (cut(found(), seed)[1].raw for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_too_few_samples_are_refused_with_the_class():
    with pytest.raises(DataError, match="at least 20 different samples to work with, not 12"):
        cut(found(12))
    x, y = clusters(40)
    with pytest.raises(DataError) as said:
        cut(Found("values", ("a", "b", "c"), Part(x, np.where(y == 2, 0, y) + 2 * (np.arange(40) == 5))))
    assert str(said.value) == "every class must have at least 3 different samples; too few: c (1)."


def test_what_was_brought_is_a_data_set_like_any_other(tmp_path):
    name = bring.add(in_a_zip(tmp_path / "Pets at home.zip", pictures({"cat": 30, "dog": 20})))
    assert name.startswith("pets-at-home-")
    assert name in entries()
    assert entry(name).classes == ("cat", "dog")
    assert status(name).complete
    data = splits.load(name)
    assert [len(part) for part in (data.training, data.validation, data.evaluation)] == [33, 4, 13]
    assert entry(name).note == "A quarter is the test set, chosen by seed 0."


def test_the_same_again_is_the_same_and_the_files_are_not_written_twice(tmp_path):
    path = in_a_folder(tmp_path / "pets", pictures({"cat": 12, "dog": 12}))
    first = bring.add(path)
    stamp = (brought_folder() / first / "stamp.json").stat().st_mtime_ns
    assert bring.add(path) == first
    assert (brought_folder() / first / "stamp.json").stat().st_mtime_ns == stamp
    assert bring.add(path, seed=1) != first


def test_removing_deletes_the_files_and_only_of_what_was_brought(tmp_path):
    name = bring.add(in_a_folder(tmp_path / "pets", pictures({"cat": 12, "dog": 12})))
    bring.remove(name)
    assert name not in entries()
    assert [path.name for path in (brought_folder() / name).iterdir()] == ["gone.yaml"]
    with pytest.raises(DataError) as said:
        bring.remove("cifar10")
    assert str(said.value) == "cifar10 is one of EdgeKit's own data sets; only those that were added can be removed."
    with pytest.raises(DataError, match="no data set that was added 'pets'"):
        bring.remove("pets")


def test_a_brought_set_that_is_damaged_says_so_and_cannot_be_fetched(tmp_path):
    name = bring.add(in_a_folder(tmp_path / "pets", pictures({"cat": 12, "dog": 12})))
    (brought_folder() / name / "training_raw.npy").write_bytes(b"no array")
    with pytest.raises(DataError, match=r"pets are damaged: .* Add it again: python -m edgekit data add"):
        splits.load(name)
    with pytest.raises(DataError, match="pets was brought by you and cannot be fetched"):
        pull(name)
    assert bring.add(tmp_path / "pets") == name
    assert len(splits.load(name).training) == 16


def test_what_was_removed_is_still_known_by_name_and_can_be_added_again(tmp_path):
    name = bring.add(in_a_folder(tmp_path / "pets", pictures({"cat": 12, "dog": 12})))
    bring.remove(name)
    assert entry(name).title == "pets"
    with pytest.raises(DataError, match="pets is not on this machine. Add it again: python -m edgekit data add PATH"):
        splits.load(name)
    assert bring.add(tmp_path / "pets") == name
    assert status(name).complete


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    path = in_a_folder(tmp_path / "pets", pictures({"cat": 12, "dog": 12}))

    def full(*args, **more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edgekit.data.arrays.written_whole", full)
    with pytest.raises(DataError, match="No space left on device"):
        bring.add(path)
    assert brought() == {}
    assert not list(brought_folder().glob("*"))
