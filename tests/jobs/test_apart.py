"""A verb in a process of its own gives its result, its refusal in the same words, and ends when it is cancelled."""

import time

import psutil
import pytest

from edgekit.core.errors import Cancelled, EdgeKitError
from edgekit.jobs.apart import apart
from tests.data.brought import in_a_folder, pictures


def test_the_result_and_the_progress_come_through(home, tmp_path):
    told = []
    path = in_a_folder(tmp_path / "pets", pictures({"cat": 12, "dog": 12}))
    found = apart(["data", "add", str(path)], lambda fraction, what: told.append((fraction, what)))
    assert found["classes"] == ["cat", "dog"]
    assert told[0] == (0.0, "starting")
    assert told[-1][0] > 0.5


def test_a_refusal_comes_in_the_words_of_the_verb(home, tmp_path):
    with pytest.raises(EdgeKitError, match="^there must be a folder or a file at .*none, but there is none.$"):
        apart(["data", "add", str(tmp_path / "none")], lambda fraction, what: None)


def test_what_is_no_verb_says_what_the_process_said(home):
    with pytest.raises(EdgeKitError, match="the process that does “data fly” must end with a result.*exit code 2"):
        apart(["data", "fly"], lambda fraction, what: None)


def test_cancelling_ends_the_process(home, tmp_path):
    path = in_a_folder(tmp_path / "pets", pictures({"cat": 12, "dog": 12}))
    before = set(psutil.Process().children())

    def stop(fraction: float, what: str) -> None:
        raise Cancelled("stopped by the test")

    started = time.monotonic()
    with pytest.raises(Cancelled):
        apart(["data", "add", str(path)], stop)
    assert time.monotonic() - started < 5
    assert set(psutil.Process().children()) <= before
