"""Two workers of this machine: what becomes of their trials, of a killed one, and of all when nobody is left."""

import os
import subprocess
import sys
from concurrent.futures import wait

import psutil
import pytest

from edgekit.core.errors import Cancelled, ClusterError
from edgekit.core.run import Status
from edgekit.jobs.executors import SCHEDULER, workers_for
from edgekit.jobs.processes import Processes, others_stopped
from edgekit.search.autopilot.search import search
from edgekit.store.store import Store, owner
from tests.jobs.cluster import PATIENCE, ROOT, kill, pid, until
from tests.jobs.trials import EveryExecutor, a_trial, quick, slow

pytestmark = pytest.mark.timeout(2 * PATIENCE)

OF_ITS_OWN = (  # a process that has a child, and says which
    "import subprocess, sys, time; code = 'import time; time.sleep(600)';"
    "print(subprocess.Popen([sys.executable, '-c', code]).pid, flush=True); time.sleep(600)"
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with Store.open(tmp_path_factory.mktemp("processes")) as opened:
        yield opened


@pytest.fixture(scope="module")
def executor(store):
    with Processes(store, workers=2) as made:
        yield made


def at_work(store, seed):
    """The run of a slow trial, once a worker makes it."""
    running = store.list(statuses=[Status.RUNNING], split=None)
    return next((run for run in running if run.recipe and run.seed == seed), None)


def test_trials_are_measured_by_other_processes_into_the_store_that_was_given(executor, store):
    runs = [executor.submit(quick(bits)).result(PATIENCE) for bits in (2, 3)]
    assert {run.status for run in runs} == {Status.DONE}
    assert owner() not in {run.owner for run in runs}
    assert [store.get(run.id) for run in runs] == runs


class TestProcesses(EveryExecutor):
    """What holds for every executor, of this one."""


def test_a_trial_that_is_taken_back_stops_at_its_worker_and_is_not_kept(executor, store):
    future = executor.submit(slow(1, epochs=9))
    run = until(lambda: at_work(store, 1))
    assert future.cancel()
    until(lambda: run.id not in {one.id for one in store.list(100, split=None)})
    assert executor.submit(quick(6)).result(PATIENCE).status is Status.DONE, "the worker is free for others"


def test_what_waits_for_a_worker_and_is_taken_back_is_never_begun(executor, store):
    busy = [executor.submit(slow(seed, epochs=9)) for seed in (2, 3)]
    waits = executor.submit(slow(4, epochs=9))
    assert waits.cancel()
    for future in busy:
        future.cancel()
    assert executor.submit(quick(7)).result(PATIENCE).status is Status.DONE
    assert 4 not in {run.seed for run in store.list(100, split=None)}


def test_a_killed_worker_takes_one_trial_along_and_another_takes_its_place(executor, store):
    lost, other = executor.submit(slow(5, epochs=9)), executor.submit(quick(8))
    killed = until(lambda: at_work(store, 5))
    kill(killed.owner)
    with pytest.raises(ClusterError, match="memory ran out"):
        lost.result(PATIENCE)
    assert other.result(PATIENCE).status is Status.DONE
    again = [executor.submit(a_trial({"quantize_weights": {"bits": bits}}, seed=1)) for bits in (2, 3, 4)]
    assert [future.result(PATIENCE).status for future in again] == [Status.DONE] * 3
    store.interrupt_dead()
    assert store.get(killed.id).status is Status.INTERRUPTED


def test_while_one_is_timed_the_others_are_stopped_and_nobody_who_is_none_of_them():
    def state(process: psutil.Popen) -> str:
        return psutil.Process(process.pid).status()

    workers = [psutil.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) for _ in range(2)]
    shell = psutil.Popen([sys.executable, "-c", OF_ITS_OWN], stdout=subprocess.PIPE, text=True)
    try:
        stranger = psutil.Process(int(shell.stdout.readline()))
        with others_stopped([0, os.getpid(), stranger.pid, *(one.pid for one in workers)], os.getpid()):
            assert [until(lambda one=one: state(one) == psutil.STATUS_STOPPED) for one in workers] == [True, True]
            assert stranger.status() != psutil.STATUS_STOPPED
        assert all(until(lambda one=one: state(one) != psutil.STATUS_STOPPED) for one in workers)
    finally:
        shell.stdout.close()
        for one in [stranger, shell, *workers]:
            one.kill()
        psutil.wait_procs([shell, *workers])


def test_whom_a_killed_worker_had_stopped_goes_on(executor, store):
    futures = [executor.submit(slow(seed, epochs=9)) for seed in (12, 13)]
    killed, other = (until(lambda seed=seed: at_work(store, seed)) for seed in (12, 13))
    stopped = psutil.Process(pid(other.owner))
    stopped.suspend()
    kill(killed.owner)
    with pytest.raises(ClusterError, match="memory ran out"):
        futures[0].result(PATIENCE)
    until(lambda: stopped.status() != psutil.STATUS_STOPPED)
    futures[1].cancel()
    store.interrupt_dead()
    assert executor.submit(quick(5)).result(PATIENCE).status is Status.DONE


def test_closing_stops_what_is_measured_and_the_processes_end(tmp_path):
    before = set(psutil.Process().children())
    with Store.open(tmp_path) as own:
        with Processes(own, workers=1) as executor:
            future, waits = executor.submit(slow(1, epochs=9)), executor.submit(slow(2, epochs=9))
            until(lambda: at_work(own, 1))
        assert isinstance(future.exception(0), Cancelled)
        assert waits.cancelled()
        assert own.list(statuses=[Status.RUNNING], split=None) == []
        spawned = [one for one in set(psutil.Process().children()) - before if "spawn_main" in " ".join(one.cmdline())]
        assert spawned == []


def test_workers_end_with_the_process_that_started_them_however_it_ends(tmp_path):
    program = (
        "import sys, time; from edgekit.jobs.processes import Processes; from edgekit.store.store import Store;"
        f"made = Processes(Store.open({str(tmp_path)!r}), workers=1); print('up', flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout.readline() == "up\n"
    workers = until(lambda: [one for one in psutil.Process(parent.pid).children() if one.is_running()])
    parent.kill()
    parent.wait()
    parent.stdout.close()
    _, alive = psutil.wait_procs(workers, PATIENCE)
    assert alive == []


def test_a_search_with_two_workers_finds_what_holds_its_limits(executor, store):
    found = search(
        "lenet5-fashion", ["size=0.3x", "accuracy_drop=1"], minutes=5, trials=4, executor=executor, store=store
    )
    assert found.search.status == "done"
    assert found.winner.size <= 0.3
    assert found.confirmed.split == "test"
    looks = [tried for tried in found.search.tried if tried.why != "promoted"]
    assert len(looks) == 1 + 4, "the original, and as many recipes as were asked for"


def test_searches_measure_in_as_many_processes_as_there_is_room_for(store, monkeypatch):
    monkeypatch.delenv(SCHEDULER, raising=False)
    monkeypatch.setattr("edgekit.jobs.processes.room", lambda: 2)
    with workers_for(store) as several:
        assert several.workers == 2
        wait([several.submit(quick(2))], PATIENCE)
    monkeypatch.setattr("edgekit.jobs.processes.room", lambda: 1)
    with workers_for(store) as none:
        assert none is None
