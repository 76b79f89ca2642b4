"""What more workers bring, and what more stored runs cost.

    python -m tests.benchmarks.scaling [--json] [--trials 24] [--runs 100 1000 10000 100000] [--only workers|runs]

Workers: trials a minute of one and of two workers of a scheduler, all on this machine, over recipes that need no
training, on LeNet-5 with all of its test samples; each worker has measured once before the clock starts. Runs: what a
trial asks of the store (has it been measured? keep it as begun, as drawn and as done; the first page of the list),
in stores of SQLite and of PostgreSQL that hold more and more runs, in turn; the limit is on the most over the fewest.
"""

import argparse
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import insert

from edgekit.__main__ import own_stdout
from edgekit.core.host import this_host
from edgekit.core.run import Depth, Status
from edgekit.jobs.dask_executor import DaskExecutor
from edgekit.search.executor import Trial
from edgekit.store import tables
from edgekit.store.database import writing
from edgekit.store.rows import files_of, row
from edgekit.store.store import Store
from tests.benchmarks.table import line, report
from tests.factories import a_run
from tests.jobs.cluster import cluster, until
from tests.servers import binaries, postgres

MODEL = "lenet5-fashion"
FLAT = 1.2  # the most that a trial may cost in the fullest store, as a multiple of what it costs in the emptiest
AT_ONCE = 1000  # rows that are put in by one statement
ROUNDS, PAGE = 60, 50


def workers(trials: int) -> list[dict]:
    """Trials a minute with one worker and with two."""
    rates = {}
    for count in (1, 2):
        with (
            tempfile.TemporaryDirectory() as folder,
            cluster(Path(folder), count) as made,
            Store.open(folder) as store,
            DaskExecutor(made.address, store) as executor,
        ):
            until(lambda executor=executor, count=count: executor.notice == "" and executor.workers == count)
            _measure(executor, [_trial(bits, seed=1) for bits in range(2, 2 + 2 * count)])
            began = time.perf_counter()
            _measure(executor, [_trial(2 + n % 7, seed=2 + n // 7) for n in range(trials)])
            rates[count] = 60 * trials / (time.perf_counter() - began)
    return [
        line("trials a minute with one worker", rates[1], None, 1),
        line("trials a minute with two workers", rates[2], None, 1),
        line("two workers over one (×)", rates[2] / rates[1], None, 2),
    ]


def _trial(bits: int, seed: int) -> Trial:
    return Trial(model=MODEL, recipe=[{"quantize_weights": {"bits": bits}}], split="test", depth=Depth.POINT, seed=seed)


def _measure(executor: DaskExecutor, trials: list[Trial]) -> None:
    for future in [executor.submit(trial) for trial in trials]:
        assert future.result().status is Status.DONE


def stored(counts: list[int]) -> list[dict]:
    """Milliseconds that a trial asks of a store, by how many runs are in it."""
    rows = []
    with ExitStack() as stack:
        databases = {"SQLite": [None] * len(counts)}
        if binaries():
            server = stack.enter_context(postgres())
            databases["PostgreSQL"] = [server.emptied(f"of_{count}") for count in counts]
        for kind, addresses in databases.items():
            stores = {}
            for count, address in zip(counts, addresses, strict=True):
                folder = stack.enter_context(tempfile.TemporaryDirectory())
                stores[count] = stack.enter_context(Store.open(folder, address))
                _fill(stores[count], count)
            for store in stores.values():  # what is asked first warms up
                _asked(store)
            found = {count: [] for count in counts}
            for _ in range(ROUNDS):
                for count, store in stores.items():
                    found[count].append(_asked(store))
            medians = {count: statistics.median(sum(parts) for parts in found[count]) for count in counts}
            for count in counts:
                parts = zip(("find", "save", "list"), zip(*found[count], strict=True), strict=True)
                shown = {name: round(1000 * statistics.median(seconds), 2) for name, seconds in parts}
                rows.append(line(f"{kind}, {count:,} runs: a trial asks (ms)", 1000 * medians[count], None, 2, **shown))
            most, fewest = medians[max(counts)], medians[min(counts)]
            rows.append(line(f"{kind}, {max(counts):,} runs over {min(counts):,} (×)", most / fewest, FLAT, 3))
    return rows


def _asked(store: Store) -> tuple[float, float, float]:
    """Seconds to look for a run that was not made, to keep a new one three times, and to read the first page."""
    run = a_run(id=store.new_id(), model=MODEL)
    times = [time.perf_counter()]
    assert store.find(run.fingerprint) is None
    times.append(time.perf_counter())
    for status in (Status.RUNNING, Status.DONE, Status.DONE):
        run.status = status
        store.save(run)
    times.append(time.perf_counter())
    assert store.list(PAGE)[0].id
    times.append(time.perf_counter())
    return tuple(after - before for before, after in zip(times, times[1:], strict=False))


def _fill(store: Store, count: int) -> None:
    """Put many runs in at once, each with a file of its own."""
    one = a_run(model=MODEL)
    values, body, (file,) = row(one), one.model_dump_json(), files_of(one)
    for begin in range(0, count, AT_ONCE):
        some = [(f"stored{n:06d}", f"{n:064x}") for n in range(begin, min(begin + AT_ONCE, count))]
        with writing(store._engine) as connection:
            changed = [{"id": id, "sha256": sha256, "fingerprint": id, "made": id} for id, sha256 in some]
            connection.execute(insert(tables.runs), [values | change for change in changed])
            bodies = [{"id": id, "body": body.replace(one.id, id).replace(file, sha256)} for id, sha256 in some]
            connection.execute(insert(tables.bodies), bodies)
            connection.execute(insert(tables.uses), [{"user": id, "sha256": sha256} for id, sha256 in some])
            kept = [{"sha256": sha256, "bytes": one.artifact.bytes, "added": 0.0} for _, sha256 in some]
            connection.execute(insert(tables.files), kept)


def main() -> None:
    """Run everything and print a table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--runs", type=int, nargs="+", default=[100, 1000, 10_000, 100_000])
    parser.add_argument("--only", choices=["workers", "runs"])
    asked = parser.parse_args()
    rows = [] if asked.only == "runs" else workers(asked.trials)
    rows += [] if asked.only == "workers" else stored(asked.runs)
    report(rows, this_host(), asked.json)


if __name__ == "__main__":
    with own_stdout():
        main()
