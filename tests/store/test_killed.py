"""A process that is killed in the middle: its runs show as interrupted, everything else is as it was."""

import os
import signal

import pytest

from edgekit.core.run import Status
from edgekit.store.owner import hold, is_alive, owner
from edgekit.store.store import INTERRUPTED, Store
from tests.factories import a_run, a_stopped_run
from tests.store.processes import end, start

WORK = """
import sys
from pathlib import Path
from edgekit.core.run import Status
from edgekit.store.store import Store, owner
from tests.factories import a_run, a_stopped_run

name, folder = sys.argv[1], Path(sys.argv[2])
store = Store.open(folder / "store")
def made(data):
    file = folder / f"{name}.onnx"
    file.write_bytes(data)
    return store.add_file(file)
store.save(a_run(id=f"{name}-done", artifact=made(name.encode())))
store.save(a_stopped_run(Status.RUNNING, id=f"{name}-running", owner=owner()))
made(b"not yet in a run of " + name.encode())
print(owner(), flush=True)
sys.stdin.read()
store.close()
"""


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "store") as opened:
        yield opened


def test_only_the_runs_of_a_killed_process_are_interrupted(store, tmp_path):
    killed, alive = start(WORK, "killed", tmp_path), start(WORK, "alive", tmp_path)
    store.save(a_stopped_run(Status.RUNNING, id="mine", owner=owner()))
    assert store.interrupt_dead() == []
    end(killed, kill=True)
    assert killed.returncode == -signal.SIGKILL
    assert store.interrupt_dead() == ["killed-running"]
    assert {run.id: run.status for run in store.list()} == {
        "killed-running": Status.INTERRUPTED,
        "killed-done": Status.DONE,
        "alive-running": Status.RUNNING,
        "alive-done": Status.DONE,
        "mine": Status.RUNNING,
    }
    assert store.get("killed-running").error == INTERRUPTED
    assert store.file(store.get("killed-done").artifact.sha256).read_bytes() == b"killed"
    assert len(list((tmp_path / "store" / "files").iterdir())) == 3, "what the dead one made for no run is gone"
    assert store.interrupt_dead() == []
    end(alive)
    assert store.interrupt_dead() == ["alive-running"]


def test_a_process_that_is_killed_while_it_saves_leaves_whole_runs_only(store, tmp_path):
    code = WORK.replace("sys.stdin.read()", "for number in range(10**6): store.save(a_run(id=f'run{number}'))")
    process = start(code, "busy", tmp_path)
    while store.count() < 5:
        assert process.poll() is None
    end(process, kill=True)
    assert len(store.list(10**6)) == store.count()
    store.save(a_run(id="next"))
    assert store.get("next").id == "next"


def test_two_processes_save_into_one_store_and_lose_nothing(store, tmp_path):
    code = WORK.replace("sys.stdin.read()", "for number in range(20): store.save(a_run(id=f'{name}{number}'))")
    processes = [start(code, name, tmp_path) for name in ("left", "right")]
    for number in range(20):
        store.save(a_run(id=f"mine{number}"))
    for process in processes:
        end(process)
        assert process.returncode == 0
    assert store.count() == 3 * 20 + 2 * 2


def test_a_new_store_may_be_opened_by_several_processes_at_once(tmp_path):
    code = """
import sys
from edgekit.store.store import Store
print("ready", flush=True)
sys.stdin.readline()
with Store.open(sys.argv[1]) as store:
    print(store.count())
"""
    processes = [start(code, tmp_path / "new") for _ in range(3)]
    for process in processes:  # all of them wait to be let go together
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [end(process) for process in processes] == ["0\n"] * 3


def test_a_run_without_an_owner_or_of_an_unknown_one_is_interrupted(store):
    for id, name in (("none", ""), ("other", "container:1:1700000000000")):
        store.save(a_stopped_run(Status.RUNNING, id=id, owner=name))
    assert sorted(store.interrupt_dead()) == ["none", "other"]


def test_processes_of_other_hosts_are_left_alone_where_no_lock_can_tell(tmp_path):
    assert is_alive(tmp_path, "another-host:1:1700000000000", everywhere=False)
    assert not is_alive(tmp_path, "another-host:1:1700000000000", everywhere=True)


def test_this_process_is_alive_and_its_name_says_who_it_is(tmp_path):
    lock = hold(tmp_path)
    assert owner().split(":")[1] == str(os.getpid())
    assert is_alive(tmp_path, owner())
    lock.release()


def test_old_locks_of_the_dead_are_tidied_away(tmp_path):
    lock = tmp_path / "host%3A1%3A2.lock"
    lock.touch()
    assert not is_alive(tmp_path, "host:1:2")
    assert lock.exists(), "a process may be just about to lock it"
    os.utime(lock, (0, 0))
    assert not is_alive(tmp_path, "host:1:2")
    assert not lock.exists()


def test_the_owner_stays_the_same_and_a_closed_store_opens_again(tmp_path):
    first = owner()
    for _ in range(3):
        with Store.open(tmp_path / "again") as store:
            store.save(a_run(id="kept", owner=owner()))
    assert owner() == first
