"""Two workers on this machine, killed in the middle of their work, and a scheduler that goes away and comes back."""

import gc
import os
import socket
import sys
import warnings
from collections import Counter
from concurrent.futures import wait

import pytest

from edgekit import cli_cluster
from edgekit.core.errors import ClusterError
from edgekit.core.run import Status
from edgekit.jobs import dask_executor
from edgekit.jobs.cluster import checked, dask
from edgekit.jobs.dask_executor import DaskExecutor
from edgekit.jobs.executors import workers_for
from edgekit.store.store import Store, owner
from tests.jobs.cluster import PATIENCE, cluster, kill, until
from tests.jobs.trials import IN_TIME, EveryExecutor, quick, slow
from tests.servers import free_port

pytestmark = pytest.mark.timeout(4 * PATIENCE)


@pytest.fixture(autouse=True)
def _sockets_of_dask():
    """What Dask leaves unclosed where nobody answers, or a port is taken, is collected here and not in another test."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    with cluster(tmp_path_factory.mktemp("cluster") / "home") as made:
        yield made


@pytest.fixture(scope="module")
def store(two_workers):
    with Store.open(two_workers.home) as opened:
        yield opened


@pytest.fixture
def executor(two_workers, store):
    with DaskExecutor(two_workers.address, store) as made:
        until(lambda: made.notice == "" and made.workers == 2)
        yield made


def at_work(store):
    """The newest run of a recipe that a worker is making now."""
    return next((run for run in store.list(statuses=[Status.RUNNING], split=None) if run.recipe), None)


def test_a_worker_killed_in_mid_trial_loses_nothing_and_every_trial_is_finished_once(executor, store):
    trials = [slow(seed) for seed in range(3)] + [quick(bits) for bits in (2, 3, 8)]
    futures = [executor.submit(trial) for trial in trials]
    killed = until(lambda: at_work(store))
    kill(killed.owner)
    runs = [future.result(IN_TIME) for future in futures]
    assert [(run.status, run.recipe) for run in runs] == [(Status.DONE, trial.recipe) for trial in trials]
    assert {run.owner for run in runs} & {owner(), killed.owner} == set(), "by others than this process and the dead"
    store.interrupt_dead()
    kept = store.list(1000, split=None)
    assert next(run.status for run in kept if run.id == killed.id) is Status.INTERRUPTED
    done = Counter(run.fingerprint for run in kept if run.status is Status.DONE)
    assert set(done.values()) == {1}
    assert set(done) == {run.fingerprint for run in runs} | {run.fingerprint for run in kept if not run.recipe}
    assert all(store.file(run.artifact.sha256).exists() for run in runs)


class TestDaskExecutor(EveryExecutor):
    """What holds for every executor, of this one."""


def test_a_trial_that_is_taken_back_stops_at_its_worker(executor, store):
    future = executor.submit(slow(100, epochs=9))
    run = until(lambda: at_work(store))
    future.cancel()
    until(lambda: at_work(store) is None)
    assert run.id not in {one.id for one in store.list(100, statuses=[Status.DONE], split=None)}
    assert executor.submit(quick(3)).result(IN_TIME).status is Status.DONE, "the worker is free for others"


def test_without_its_scheduler_trials_are_measured_here_and_by_workers_again_once_it_is_back(
    two_workers, executor, store, monkeypatch
):
    monkeypatch.setattr(dask_executor, "PATIENCE_SECONDS", 0)
    future = executor.submit(slow(200))
    until(lambda: at_work(store))
    two_workers.kill_scheduler()
    notice = until(lambda: executor.notice)
    assert notice.startswith(f"The scheduler at {two_workers.address} does not answer (")
    assert notice.endswith(
        "). Trials are measured on this machine until it is back. Start it with: python -m edgekit scheduler"
    )
    assert executor.workers == 1
    assert future.result(IN_TIME).status is Status.DONE, "by its worker, if it had time to end it, or else here"
    here = executor.submit(quick(5)).result(IN_TIME)
    assert (here.status, here.owner) == (Status.DONE, owner())
    two_workers.start_scheduler()
    until(lambda: executor.notice == "")
    elsewhere = executor.submit(quick(6)).result(IN_TIME)
    assert elsewhere.owner.split(":")[1] != str(os.getpid())
    store.interrupt_dead()
    done = Counter(one.fingerprint for one in store.list(1000, statuses=[Status.DONE], split=None))
    assert set(done.values()) == {1}


def test_a_worker_that_keeps_its_runs_elsewhere_is_found_out(tmp_path):
    said = (
        f"keeps them in {tmp_path / 'theirs' / 'edgekit.db'} and {tmp_path / 'theirs' / 'files'}. "
        "Start it with the same EDGEKIT_STORE, EDGEKIT_FILES and EDGEKIT_HOME."
    )
    with (
        cluster(tmp_path / "theirs", workers=1) as made,
        Store.open(tmp_path / "ours") as store,
        DaskExecutor(made.address, store) as executor,
    ):
        until(lambda: executor.notice == "")
        error = executor.submit(quick(4)).exception(IN_TIME)
        assert isinstance(error, ClusterError)
        assert str(error).startswith("a worker must keep its runs where those are kept who send it trials; ")
        assert str(error).endswith(said)
        with pytest.raises(ClusterError):  # nor will others be measured: a search ends with this message
            executor.submit(quick(5))


def test_a_scheduler_that_was_never_there_lets_work_go_on_here(home, monkeypatch):
    monkeypatch.setattr(dask_executor, "PATIENCE_SECONDS", 0)
    monkeypatch.setenv("EDGEKIT_SCHEDULER", f"tcp://127.0.0.1:{free_port()}")
    with Store.open() as store, workers_for(store) as executor:
        assert "does not answer" in executor.notice
        futures = [executor.submit(quick(bits)) for bits in (8, 4)]
        assert wait(futures, IN_TIME).not_done == set()
        assert [future.result().owner for future in futures] == [owner()] * 2


@pytest.mark.parametrize("address", ["", "localhost:8786", "http://here:80", "tcp://here", "tcp://here:port"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(ClusterError) as refused:
        checked(address)
    assert str(refused.value) == (
        "the address of a scheduler must be tcp://HOST:PORT, such as tcp://127.0.0.1:8786; "
        f"it is '{address}'. Set EDGEKIT_SCHEDULER to such an address, or to nothing to measure on this machine."
    )


def test_dask_that_is_not_installed_is_asked_for_by_name(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterError) as refused:
        dask()
    assert str(refused.value) == (
        'trials on other machines need Dask, which is not installed: pip install "dask[distributed]"'
    )


def test_a_worker_that_knows_no_scheduler_says_what_it_needs(monkeypatch):
    monkeypatch.delenv("EDGEKIT_SCHEDULER", raising=False)
    with pytest.raises(ClusterError) as refused:
        cli_cluster.worker(None)
    assert str(refused.value) == (
        "a worker must know its scheduler: python -m edgekit worker tcp://HOST:PORT, or set EDGEKIT_SCHEDULER."
    )


def test_a_scheduler_whose_port_is_taken_says_so():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ClusterError) as refused:
            cli_cluster.scheduler("127.0.0.1", port)
    assert str(refused.value).startswith(f"a scheduler must be able to listen on 127.0.0.1, port {port}, but the ")
    assert str(refused.value).endswith("Another may be running there: choose another --port.")
