"""Every sample model in every format: it works, or says why not; how long exports take, and what they leave in memory.

    python -m tests.benchmarks.export [--json] [--only MODEL …] [--format FORMAT …] [--limits]

Of each model the float file and, where its operators allow, the one that computes with integers are exported and run in
the format's own runtime on as many test samples as a person's export. Formats whose tools are not installed are named
and left out, as are models whose weights or data are not on this machine. `--limits` leaves the matrix out.
"""

import argparse
import gc
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from edgekit import pipeline
from edgekit.core.errors import EdgeKitError
from edgekit.core.host import this_host
from edgekit.core.memory import give_back
from edgekit.core.run import Depth, Run
from edgekit.data import download
from edgekit.export.exported import SAMPLES
from edgekit.export.exporting import export
from edgekit.export.formats import formats
from edgekit.library import load
from edgekit.models import samples
from edgekit.recipe import Recipe
from edgekit.store.store import Store
from tests.benchmarks.table import line, report

INTEGERS = ("quantize_static", "quantize_dynamic")  # the first that works
QUICK, QUICK_SECONDS = ("openvino", "ncnn"), 10.0
QUICK_MODEL = "resnet20-cifar10"
REPEATED = 2  # exports after the first, whose growth is measured


def quick(store: Store) -> Iterator[dict]:
    """How long it takes to convert, and what stays in memory when it is done again and again."""
    if not here(QUICK_MODEL):
        yield line(f"{QUICK_MODEL}: not on this machine", 0, None)
        return
    run = made(QUICK_MODEL, (), store)
    for name in QUICK:
        if missing := formats()[name].missing():
            yield line(f"{name}: {missing}", 0, None)
            continue
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            export(run.id, name, Path(folder), samples=SAMPLES, store=store)
            yield line(f"{QUICK_MODEL} to {name}, with its check, s", time.perf_counter() - started, QUICK_SECONDS, 1)
    for name, kind in formats().items():
        if not kind.missing() and not kind.cannot(_graph(run, store), kind.precisions[0]):
            yield line(f"copies of {QUICK_MODEL} left by an export to {name}", copies(run, name, store), 1.0, 2)


def copies(run: Run, name: str, store: Store) -> float:
    """How much this process grew by an export, in sizes of the file: the mean of some, after a first one."""
    process = psutil.Process()

    def once() -> int:
        with tempfile.TemporaryDirectory() as folder:
            export(run.id, name, Path(folder), samples=1, store=store)
        gc.collect()
        give_back()
        return process.memory_info().rss

    before = once()
    return (min(once() for _ in range(REPEATED)) - before) / run.artifact.bytes


def matrix(names: list[str], those: list[str], store: Store) -> Iterator[dict]:
    """A line for each model, file and format; its value is 1 where something broke, or no word says why it failed."""
    for name in names:
        if not here(name):
            yield line(f"{name}: not on this machine", 0, None)
            continue
        for run in files(name, store):
            for to in those:
                yield cell(run, to, store)


def files(name: str, store: Store) -> Iterator[Run]:
    """The float file of a model, and one of integers."""
    yield made(name, (), store)
    for step in INTEGERS:
        try:
            yield made(name, (step,), store)
        except EdgeKitError:
            continue
        return


def cell(run: Run, to: str, store: Store) -> dict:
    """One file in one format."""
    what = f"{run.model} {'as ' + next(iter(run.recipe[0])) if run.recipe else 'in floats'} × {to}"
    kind, started = formats()[to], time.perf_counter()
    if missing := kind.missing():
        return line(f"{what}: {missing}", 0, None, outcome="no tools", why=missing)
    try:
        with tempfile.TemporaryDirectory() as folder:
            found = export(run.id, to, Path(folder), samples=SAMPLES, store=store)
    except EdgeKitError as error:
        return line(f"{what}: refused", 0, 0, outcome="refused", why=str(error))
    except Exception as error:  # whatever a person would see as a traceback
        return line(f"{what}: broken", 1, 0, outcome="broken", why=f"{type(error).__name__}: {error}")
    more = {
        "bytes": found.size_bytes, "points_lost": found.points_lost, "disagreements": found.disagreements,
        "latency_ratio": found.ratio.value if found.ratio else None,
        "seconds": round(time.perf_counter() - started, 1),
    }  # fmt: skip
    outcome = "shown in red" if found.problems else "works" if found.samples else "made, not run here"
    why = " ".join([*found.problems, *found.notes])
    return line(f"{what}: {outcome}", int(outcome != "works" and not why), 0, outcome=outcome, why=why, **more)


def made(name: str, steps: tuple[str, ...], store: Store) -> Run:
    """A run with the file of a model after these steps, found again where it was made before."""
    recipe = Recipe.parse(list(steps)) if steps else Recipe()
    return pipeline.compress(load(name), recipe, store=store, samples=SAMPLES, depth=Depth.LOOK)


def here(name: str) -> bool:
    """Whether the weights and the data of a model are on this machine."""
    return samples.is_here(name) and download.status(samples.card(name).data).present


def _graph(run: Run, store: Store):
    from edgekit.export.exporting import graph_of

    return graph_of(run, store)


def main() -> None:
    """Measure, and print a table or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", action="append", choices=samples.cards(), metavar="MODEL")
    parser.add_argument("--format", action="append", choices=formats(), metavar="FORMAT")
    parser.add_argument("--limits", action="store_true", help="leave the matrix out")
    asked = parser.parse_args()
    with Store.open() as store:
        rows = [] if asked.only or asked.format else list(quick(store))
        if not asked.limits:
            rows += matrix(asked.only or list(samples.cards()), asked.format or list(formats()), store)
    report(rows, this_host(), asked.json)


if __name__ == "__main__":
    main()
