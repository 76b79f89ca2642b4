"""One timing at a time on a host: between processes, threads and those who only make way."""

import subprocess
import sys
import threading
import time

import pytest

from edgekit.core.errors import Cancelled, MeasureError
from edgekit.measure.lock import WAITING, lock_file, quiet, rest_while_others_measure, yielding

HOLDER = """
import sys
from edgekit.measure.lock import quiet
with quiet():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _own_lock(tmp_path, monkeypatch):
    """A temporary folder, and so a lock, of this test's own, here and in its child processes."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.fixture
def holder():
    """Another process that holds the lock until its input closes, or it is killed."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


class Impatient:
    """A progress that remembers what it was told, and cancels after some calls."""

    def __init__(self, calls: int = 3):
        self.calls, self.told = calls, []

    def __call__(self, fraction: float, what: str) -> None:
        self.told.append((fraction, what))
        if len(self.told) >= self.calls:
            raise Cancelled("stop")


def test_the_lock_lies_in_the_temporary_folder(tmp_path):
    assert lock_file() == tmp_path / "edgekit-measuring.lock"


def test_another_process_keeps_us_out_and_cancel_ends_the_wait(holder):
    progress = Impatient()
    with pytest.raises(Cancelled), quiet(progress):
        pytest.fail("two processes held the host at once")
    assert progress.told == [(0.0, WAITING)] * 3


def test_the_lock_is_free_when_its_holder_is_done(holder):
    holder.communicate("")
    with quiet(Impatient(1)):
        pass


def test_the_lock_is_free_when_its_holder_is_killed(holder):
    holder.kill()
    holder.wait()
    with quiet(Impatient(1)):
        pass


def test_two_threads_take_turns():
    inside, most = [], []

    def work() -> None:
        with quiet():
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.03)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1, 1]


def test_who_holds_the_lock_may_take_it_again_and_keeps_it():
    with quiet():
        with quiet(Impatient(1)):
            pass
        rest_while_others_measure(Impatient(1))
        other = []
        thread = threading.Thread(target=lambda: other.append(tried()))
        thread.start()
        thread.join()
        assert other == ["kept out"]


def tried() -> str:
    try:
        with quiet(Impatient(1)):
            return "let in"
    except Cancelled:
        return "kept out"


def test_an_error_inside_frees_the_lock():
    with pytest.raises(ValueError), quiet():
        raise ValueError
    with quiet(Impatient(1)):
        pass


def test_yielding_work_rests_while_another_process_measures(holder):
    told = []
    report = yielding(lambda fraction, what: told.append((fraction, what)))
    threading.Timer(0.2, holder.stdin.close).start()
    started = time.monotonic()
    report(0.4, "epoch 2")
    assert time.monotonic() - started > 0.15
    assert told[0] == (0.4, "epoch 2")
    assert set(told[1:]) == {(0.4, WAITING)}


def test_yielding_work_can_be_cancelled_while_it_rests(holder):
    with pytest.raises(Cancelled):
        yielding(Impatient(2))(0.4, "epoch 2")


def test_yielding_costs_nothing_worth_mentioning_when_nobody_measures():
    report = yielding(lambda fraction, what: None)
    started = time.process_time()
    for _ in range(200):
        report(0.5, "batch")
    assert (time.process_time() - started) / 200 < 0.002


def test_a_lock_that_cannot_be_written_is_explained(tmp_path):
    lock_file().mkdir()
    with pytest.raises(MeasureError) as caught, quiet():
        pytest.fail("there was no lock")
    assert str(caught.value) == (
        f"EdgeKit must be able to write {lock_file()}, by which its processes take turns at measuring, but the "
        "system says: Is a directory. Remove it, or set TMPDIR to a folder that you may write in."
    )
