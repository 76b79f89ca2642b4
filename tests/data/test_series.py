"""Series from the packages that carry them: cut, padded and split as is said, and nothing of a pickle is run."""

import io
import pickle
import zipfile

import numpy as np
import pytest

from edgekit.core.errors import DataError
from edgekit.data.decode import decode
from edgekit.data.forms.series import (
    BEAT,
    BLEEDING,
    DIGITS,
    IN_TEST,
    LAST_TRAINING,
    SPOKEN_STEPS,
    STRIDE,
    TEST_STRIDE,
    WATCH,
    WINDOW,
)


def test_spoken_digits_end_where_the_series_ends_and_each_digit_is_tested_as_often(tmp_path):
    lengths = np.array([5, 60] * 600)  # of 10 digits, 120 recordings each
    values = np.concatenate([np.full((n, 13), number + 1, np.float32) for number, n in enumerate(lengths)])
    found = decode(
        "spoken_digits", [_wheel(tmp_path, DIGITS, _npz(X=values, y=np.arange(1200) // 2 % 10, lengths=lengths))]
    )
    assert np.bincount(found["evaluation_labels"]).tolist() == [IN_TEST] * 10
    assert np.bincount(found["training_labels"]).tolist() == [120 - IN_TEST] * 10
    raw = np.concatenate([found["training_raw"], found["evaluation_raw"]])  # (1200, steps, 13)
    assert raw.shape == (1200, SPOKEN_STEPS, 13)
    said = (raw != 0).any(2)  # (n, steps)
    assert said[:, -1].all()
    assert sorted(set(said.sum(1))) == [5, SPOKEN_STEPS]
    assert (said[said.sum(1) == 5].argmax(1) == SPOKEN_STEPS - 5).all()
    assert len(set(raw[:, -1, 0].tolist())) == 1200  # each recording is in one split, once


def test_nobody_who_wore_the_watch_is_in_two_splits(tmp_path):
    people = np.repeat(np.arange(1, 11), 2)
    held = {
        "X": [np.full((300, 6), float(person)) for person in people],
        "y": np.arange(20) % 7,
        "subject": people,
    }
    found = decode("watch", [_wheel(tmp_path, WATCH, _old_pickle(held))])
    each = 2 * len(range(0, 300 - WINDOW + 1, STRIDE))
    assert found["training_raw"].shape == (7 * each, WINDOW, 6)
    assert set(found["evaluation_raw"].ravel().tolist()) == {8.0, 9.0, 10.0}
    assert set(found["training_raw"][:each].ravel().tolist()) == {7.0}  # validation people come first
    assert set(found["training_raw"][each:].ravel().tolist()) == {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}


def test_windows_that_touch_the_anomaly_are_anomalous_and_no_value_is_in_two_splits(tmp_path):
    train, whole, odd = 1200, 3000, range(2000, 2012)
    lines = [f"{step},{step / 10},{int(step in odd)}" for step in range(whole)]
    with zipfile.ZipFile(tmp_path / "data.whl", "w") as wheel:
        for part, stop in (("TRAIN", train), ("TEST", whole)):
            wheel.writestr(BLEEDING.format(part=part), "\n".join(["timestamp,value,is_anomaly", *lines[:stop]]))
    found = decode("internal_bleeding", [tmp_path / "data.whl"])
    held_out = train - LAST_TRAINING - BEAT + 1
    steps = {name: np.rint(10 * found[name][..., 0]).astype(int) for name in ("training_raw", "evaluation_raw")}
    validation, training, test = (*np.split(steps["training_raw"], [held_out]), steps["evaluation_raw"])
    assert (validation.min(), validation.max()) == (LAST_TRAINING, train - 1)
    assert (training.min(), training.max()) == (0, LAST_TRAINING - 1)
    assert (test.min(), test[1, 0] - test[0, 0]) == (train, TEST_STRIDE)
    assert not found["training_labels"].any()
    assert (found["evaluation_labels"] == np.isin(test, odd).any(1)).all()


def test_a_pickle_that_holds_more_than_arrays_is_refused_before_it_runs(tmp_path):
    with pytest.raises(DataError, match=r"holds builtins\.print, which is no array"):
        decode("watch", [_wheel(tmp_path, WATCH, _header() + pickle.dumps(print))])


def _wheel(folder, name: str, content: bytes):
    with zipfile.ZipFile(folder / "data.whl", "w") as wheel:
        wheel.writestr(name, content)
    return folder / "data.whl"


def _npz(**arrays) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def _header() -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
    return file.getvalue()


def _old_pickle(held: dict) -> bytes:
    """An array of one object, as Python 2 and numpy 1 wrote it."""
    return _header() + pickle.dumps(np.array(held, object), protocol=2).replace(b"numpy._core", b"numpy.core")
