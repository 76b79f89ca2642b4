"""How long the report of a run takes, and how large it is, with 200 runs of its model in the store.

    python -m tests.benchmarks.report [--json]

Seconds in a process that has loaded the libraries, as the server has: for its first report, which also packs plotly.js,
and for the ones after. And from the command line, in a process of its own that loads them first.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edgekit.core.budget import Budget
from edgekit.core.host import this_host
from edgekit.core.run import Run
from edgekit.registry import techniques
from edgekit.report.page import html
from edgekit.store.store import Store
from tests.benchmarks.table import line, report
from tests.factories import a_baseline, a_run, compared, measurements

RUNS, ROUNDS, SECONDS, MEGABYTES = 200, 7, 3.0, 6.0
BUDGET = Budget(size_bytes=5e5, latency_ms=0.2)


def filled(store: Store) -> Run:
    """So many runs with different recipes and numbers; the last one is returned."""
    draw, base = np.random.default_rng(0), a_baseline()
    store.save(base)
    for number in range(RUNS - 1):
        share, ratio = round(0.001 * number, 3), float(draw.uniform(0.05, 1))
        lost = float(draw.exponential(0.02))
        run = a_run(
            recipe=[{"prune_channels": {"sparsity": share}}, {"quantize_static": {}}],
            measurements=measurements(max(0.92 - lost, 0.1), round(1_729_000 * ratio), 0.21 * ratio),
            comparison=compared("faster", ratio, ratio, -lost),
            baseline=base.id,
        )
        store.save(run)
    return run


def seconds(work: Callable[[], object]) -> float:
    """That it takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """Measure, and print a table or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    techniques()
    with tempfile.TemporaryDirectory() as name, Store.open(name) as store:
        run, out = filled(store), Path(name) / "report.html"

        def write() -> None:
            out.write_text(html(run, store, BUDGET), "utf-8")

        first = seconds(write)
        later = statistics.median(seconds(write) for _ in range(ROUNDS))
        size = out.stat().st_size / 1e6
        command = [sys.executable, "-m", "edgekit", "report", run.id, "--out", str(out)]
        environment = os.environ | {"EDGEKIT_HOME": name}
        alone = seconds(lambda: subprocess.run(command, env=environment, check=True, capture_output=True))
    rows = [
        line(f"first report in a process, {RUNS} runs: seconds", first, SECONDS, 2),
        line("the ones after: seconds", later, SECONDS, 2),
        line("from the command line, loading the libraries too: seconds", alone, None, 2),
        line("size of the report: MB", size, MEGABYTES, 2),
    ]
    report(rows, this_host(), asked.json)


if __name__ == "__main__":
    main()
