"""Times of real files in real child processes: ties, differences, faults, and nothing left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque

import numpy as np
import psutil
import pytest

from edgekit.core.errors import Cancelled, MeasureError
from edgekit.core.host import this_host
from edgekit.core.measurement import Origin
from edgekit.measure import child, latency
from edgekit.measure.latency import LEAST_RUNS, Turns, _ratio, time_one, time_pair
from edgekit.measure.lock import quiet
from tests.measure.graphs import chain


@pytest.fixture(autouse=True)
def _own_lock(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.fixture(autouse=True)
def _nothing_left():
    """No process of ours outlives a test, not even the one that waits for the next timing."""
    child.dismiss()
    before = set(psutil.Process().children(recursive=True))
    yield
    child.dismiss()
    assert set(psutil.Process().children(recursive=True)) <= before


def test_a_file_against_itself_is_a_tie(tmp_path):
    path = chain(tmp_path / "file.onnx", 4)
    timing = time_pair(path, path)
    assert timing.speed == "tie"
    assert timing.ratio.low < 1 < timing.ratio.high


def test_a_file_three_times_as_large_is_slower_and_the_other_way_round_faster(tmp_path):
    small, large = chain(tmp_path / "small.onnx", 4), chain(tmp_path / "large.onnx", 12)
    timing = time_pair(large, small)
    assert timing.speed == "slower"
    assert 1.8 < timing.ratio.value < 9  # 3 by the work; more where only the small one stays in the cache
    assert timing.ratio.low > 1
    assert timing.latency_ms.value > timing.baseline_latency_ms.value
    other = time_pair(small, large)
    assert other.speed == "faster"
    assert other.ratio.value == pytest.approx(1 / timing.ratio.value, rel=0.25)


def test_a_latency_names_its_host_runs_threads_and_runtime(tmp_path):
    found = time_one(chain(tmp_path / "file.onnx", 2))
    for measurement, metric in [(found.latency_ms, "latency_ms"), (found.latency_p95_ms, "latency_p95_ms")]:
        assert measurement.metric == metric
        assert 0 < measurement.low <= measurement.value <= measurement.high
        assert (measurement.origin, measurement.device) == (Origin.MEASURED, this_host().id)
        runs, _, rest = measurement.how.partition(" ")
        assert int(runs.replace(",", "")) >= LEAST_RUNS
        assert rest.startswith("runs of one sample, by itself, 1 thread, ONNX Runtime ")
    assert found.latency_ms.value <= found.latency_p95_ms.value


def test_when_time_is_up_fewer_runs_must_do_and_are_called_few(tmp_path, monkeypatch):
    monkeypatch.setattr("edgekit.measure.latency.LONGEST_SECONDS", 0.0)
    path = chain(tmp_path / "file.onnx", 12, width=1024)
    assert time_one(path).latency_ms.how.startswith("only 6 runs of one sample")


def test_a_missing_file_is_named(tmp_path):
    path = tmp_path / "gone.onnx"
    with pytest.raises(MeasureError) as caught:
        time_pair(path, chain(tmp_path / "file.onnx", 2))
    assert str(caught.value) == (
        f"the file to measure must exist, but there is none at {path}. Make it again from its run."
    )


def test_a_damaged_baseline_is_named(tmp_path):
    path = tmp_path / "damaged.onnx"
    path.write_bytes(b"no onnx at all")
    with pytest.raises(MeasureError, match=r"^damaged\.onnx must be an ONNX file, but ONNX Runtime cannot read it"):
        time_pair(chain(tmp_path / "file.onnx", 2), path)


def test_cancel_ends_the_child_within_a_second(tmp_path):
    path = chain(tmp_path / "slow.onnx", 12, width=1024)
    started = []

    def cancel(fraction: float, what: str) -> None:
        started.append(time.monotonic())
        if len(started) > 3:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        time_pair(path, path, progress=cancel)
    assert time.monotonic() - started[-1] < 1


def test_a_child_that_is_killed_is_reported_and_frees_the_lock(tmp_path):
    path = chain(tmp_path / "slow.onnx", 12, width=1024)
    with pytest.raises(MeasureError) as caught:
        time_one(path, progress=killing())
    assert str(caught.value) == (
        "the process that runs slow.onnx must end with a result, but it ended with signal SIGKILL. "
        "Most often memory ran out: close other programs, or take a smaller file."
    )
    with quiet():
        pass


def killing():
    """A progress that kills the process of the timing once it is under way."""
    calls = []

    def progress(fraction: float, what: str) -> None:
        calls.append(what)
        if calls.count("timing") == 3:
            for process in psutil.Process().children():
                os.kill(process.pid, signal.SIGKILL)

    return progress


def test_a_silent_child_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("edgekit.measure.child.SILENCE_SECONDS", 0.0)
    with pytest.raises(MeasureError) as caught:
        time_one(chain(tmp_path / "slow.onnx", 12, width=1024))
    assert str(caught.value) == (
        "opening or running slow.onnx once must take less than 0 s, but it did not end. "
        "Take a smaller file, or a faster machine."
    )


def test_the_next_child_waits_ready_and_is_used_once(tmp_path):
    path = chain(tmp_path / "file.onnx", 2)
    time_one(path)
    (waiting,) = psutil.Process().children()
    time_one(path)
    (next_one,) = psutil.Process().children()
    assert waiting.pid != next_one.pid
    assert not psutil.pid_exists(waiting.pid)


def test_a_waiting_child_that_died_is_replaced(tmp_path):
    child.stand_by()
    (waiting,) = psutil.Process().children()
    waiting.kill()
    waiting.wait(5)
    assert time_one(chain(tmp_path / "file.onnx", 2)).latency_ms.value > 0


def test_a_waiting_child_ends_when_its_parent_is_killed():
    program = (
        "import psutil; from edgekit.measure import child; child.stand_by(); "
        "print(psutil.Process().children()[0].pid, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        waiting = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    assert gone(waiting, 30)


def gone(process: psutil.Process, seconds: float) -> bool:
    """Whether it ends within so many seconds; one that nobody has buried yet has ended."""
    for _ in range(int(seconds / 0.05)):
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_two_timings_at_once_both_come_out_whole(tmp_path):
    path, found = chain(tmp_path / "file.onnx", 2), []
    threads = [threading.Thread(target=lambda: found.append(time_one(path))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2


def made_up(ratios: np.ndarray, noise: float, seed: int) -> tuple[list, list]:
    """Blocks of 5 runs whose true ratio is ratios[opening] and whose speed drifts from turn to turn."""
    generator = np.random.default_rng(seed)
    drift = 1e5 * np.exp(generator.normal(0, 0.3, (len(ratios), 40, 1)))  # both files of a turn share it
    ours = drift * ratios[:, None, None] * np.exp(generator.normal(0, noise, (len(ratios), 40, 5)))
    base = drift * np.exp(generator.normal(0, noise, (len(ratios), 40, 5)))
    return ours.tolist(), base.tolist()


def test_the_ratio_is_free_of_drift_and_its_interval_covers_the_truth():
    covered = 0
    for seed in range(60):
        openings = 0.7 * np.exp(np.random.default_rng(seed).normal(0, 0.005, 6))
        ratio = _ratio(*made_up(openings, 0.05, seed), [[True] * 40] * 6)
        assert ratio.high - ratio.low < 0.04
        covered += ratio.low <= 0.7 <= ratio.high
    assert covered >= 57


def test_turns_that_the_system_interrupted_do_not_count():
    ours, base = made_up(np.ones(6), 0.02, 0)
    calm = np.random.default_rng(1).random((6, 40)) > 0.4
    for opening, turn in np.argwhere(~calm):
        ours[opening][turn] = [100 * time for time in ours[opening][turn]]
    ratio = _ratio(ours, base, calm.tolist())
    assert ratio.low < 1 < ratio.high
    assert ratio.high - ratio.low < 0.05


def test_a_latency_is_that_of_the_turns_that_nothing_slowed():
    turns = Turns([[[[100, 100]] * 9 + [[150, 150]] * 40]], [[True] * 9 + [False] * 40], 1, "1.0")
    found = turns.latency(0).latency_ms
    assert (found.value, found.low, found.high) == (1e-4, 1e-4, 1e-4)
    assert found.how == "only 18 runs of one sample, by turns with other files, 1 thread, ONNX Runtime 1.0"


def test_where_something_slowed_nearly_all_turns_all_count_and_the_latency_says_so():
    turns = Turns([[[[100, 100]] * 8 + [[150, 150]] * 40]], [[True] * 8 + [False] * 40], 1, "1.0")
    found = turns.latency(0).latency_ms
    assert found.value == 1.5e-4
    assert found.how.endswith("ONNX Runtime 1.0, most of them slowed by other work on this host")


def test_a_core_that_was_quicker_lately_is_known_to_be_slowed(tmp_path, monkeypatch):
    path = chain(tmp_path / "file.onnx", 2)
    monkeypatch.setattr("edgekit.measure.latency._quickest", deque([1], maxlen=2))  # nanosecond: never again
    assert "slowed by other work" in time_one(path).latency_ms.how
    assert "slowed by other work" in time_one(path).latency_ms.how
    assert min(latency._quickest) > 1, "by now that is long ago"


def test_few_turns_get_an_interval_from_the_least_to_the_greatest():
    ours, base = [[[80.0], [90.0], [95.0], [99.0], [100.0], [120.0]]], [[[100.0]] * 6]
    ratio = _ratio(ours, base, [[True] * 6])
    assert ratio.value == pytest.approx(np.sqrt(0.95 * 0.99))
    assert ratio.low == pytest.approx(0.80, rel=0.01)
    assert ratio.high == pytest.approx(1.20, rel=0.01)
