"""The search beside other toolkits, each in an environment of its own; and whether pages answer while it is at work.

    python -m tests.benchmarks.search [--json] [--only PART …] [--minutes 5] [--training thorough]

- contest: at equal wall time, on two networks, the share of a box that files leave uncovered: accuracy from the
  uncompressed network's less 5 points to 1 point more, up to 1/64 of the bytes and 1/8 of the latency, both on a log
  scale. Ours may train within its time; what peers train does not reach the file (see peers/nncf_loop.py).
- rate: trials a minute without training. The naive loop scores every file on the whole test set; of ours those that no
  other beats, and the time this takes counts. It exports as torch does by default; and, for comparison, by torch's
  former exporter, which is deprecated and takes next to no time.
- autopilot: what a budget gives on ResNet-20, on the test set.
- pages: clicks while a search is at work, and charts of 10,000 points (see responsive.py).

Peers are installed when first asked for. Needs CIFAR-10 (`python -m edgekit data pull cifar10`), and a quiet machine:
the contest takes the minutes once for us and once for each peer, for each network.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import wait
from pathlib import Path

from edgekit.__main__ import own_stdout
from edgekit.core.host import this_host
from edgekit.core.run import Depth
from edgekit.jobs.executors import workers_for
from edgekit.models.samples import load
from edgekit.search.autopilot.search import search
from edgekit.search.autopilot.seen import WORST
from edgekit.search.executor import Local, Trial
from edgekit.search.frontier import best
from edgekit.store.store import Store
from tests.benchmarks import responsive
from tests.benchmarks.contest import LOOPS, MORE, Entry, Judge, ours, theirs
from tests.benchmarks.recipes import words
from tests.benchmarks.table import line, report

CONTESTED = ("lenet5-fashion", "resnet8-cifar10")
MOST_UNCOVERED, MOST_OF_THE_TIME = 0.7, 0.5  # ours / the best peer's
RATED, NAIVE, TIMES_AS_MANY = "resnet8-cifar10", "Optuna over a naive loop", 5
BUDGETED = "resnet20-cifar10"
POINTS_LOST = 1.0
BUDGETS = {"none": (3, 0.25, 0.6), "thorough": (20, 0.10, 0.35)}  # training -> minutes, most bytes and latency (×)


def contest(asked: argparse.Namespace, folder: Path) -> list[dict]:
    """Ours and every peer on each network, one after the other."""
    rows = []
    for model_id in asked.model or CONTESTED:
        with Store.open(folder / model_id) as store, Store.open(folder / f"{model_id} ours") as own:
            judge = Judge(load(model_id), store)
            with workers_for(own) as executor:
                entries = {"EdgeKit": ours(model_id, asked.minutes, asked.training, own, executor)[0]}
            for title, peer in LOOPS.items():
                into = folder / f"{model_id} {peer}"
                entries[title] = theirs(peer, judge, asked.minutes, into, judge.data.validation)
            rows += _compared(model_id, judge, entries, 60 * asked.minutes)
    return rows


def _compared(model_id: str, judge: Judge, entries: dict[str, Entry], seconds: float) -> list[dict]:
    courses = {title: judge.course(entry.files, seconds) for title, entry in entries.items()}
    ends = {title: course[-1][1] if course else 0.0 for title, course in courses.items()}
    rows = [
        line(
            f"{model_id}, {title}: share of the box left uncovered", 1 - ends[title], None,
            files=len(courses[title]), course=_shortened(courses[title]), best=_frontier(judge, entry, seconds),
        )
        for title, entry in entries.items()
    ]  # fmt: skip
    mine = courses.pop("EdgeKit")
    peer = max(courses, key=ends.__getitem__)
    reached = next((at for at, share in mine if share >= ends[peer]), None)
    uncovered, of_the_time = (1 - ends["EdgeKit"]) / (1 - ends[peer]), (reached or seconds) / seconds
    what = f"{model_id}: share of the time until as much is covered as by {peer} in the end"
    return rows + [
        line(f"{model_id}: left uncovered, ours / {peer}'s", uncovered, MOST_UNCOVERED),
        line(what, of_the_time, MOST_OF_THE_TIME, reached=reached is not None),
    ]


def _shortened(course: list[tuple[float, float]]) -> list[list[float]]:
    """The moments at which more was covered than before."""
    before = [0.0, *(share for _, share in course)]
    return [
        [round(at, 1), round(share, 4)]
        for (at, share), last in zip(course, before, strict=False)
        if share > last + 5e-5
    ]


def _frontier(judge: Judge, entry: Entry, seconds: float) -> list[dict]:
    """What nothing else of the same contestant beats: recipe, points gained, and shares of bytes and latency."""
    scored = [(file, place) for file in entry.files if file.seconds <= seconds and (place := judge.place(file.path))]
    kept = best([place for _, place in scored], MORE)
    return [
        {"how": file.how, "points": round(100 * gain, 2), "size": round(2**-size, 4), "latency": round(2**-faster, 3)}
        for file, (gain, size, faster) in (scored[index] for index in kept)
        if gain > WORST[0]
    ]


def rate(asked: argparse.Namespace, folder: Path) -> list[dict]:
    """Trials a minute without training."""
    minutes = min(asked.minutes, 2)
    with Store.open(folder / "rate") as store, Store.open(folder / "rate ours") as own:
        judge = Judge(load(RATED), store)
        with workers_for(own) as executor:
            entry, found = ours(RATED, minutes, "none", own, executor)
            started = time.perf_counter()
            whole = [Trial(model=RATED, recipe=p.steps, split="test", depth=Depth.LOOK) for p in found.frontier]
            wait([(executor or Local(own)).submit(trial) for trial in whole])
        confirming = time.perf_counter() - started
        here = 60 * entry.trials / (entry.seconds + confirming)
        rows = [line(f"{RATED}: trials a minute, EdgeKit", here, None, 1, survivors=len(found.frontier))]
        for how, most in (("", 1 / TIMES_AS_MANY), (" and torch's former exporter", None)):
            into = folder / f"rate naive{how}"
            naive = theirs(LOOPS[NAIVE], judge, minutes, into, judge.data.evaluation, by_default=not how)
            there = 60 * naive.trials / naive.seconds
            rows += [
                line(f"{RATED}: trials a minute, {NAIVE}{how}", there, None, 1),
                line(f"{RATED}: {NAIVE}{how} / EdgeKit", there / here, most),
            ]
    return rows


def autopilot(asked: argparse.Namespace, folder: Path) -> list[dict]:
    """A budget in, the best recipe out, with and without training."""
    rows = []
    for training, (minutes, size, latency) in BUDGETS.items():
        with Store.open(folder / f"autopilot {training}") as store:
            limits = [f"accuracy_drop={POINTS_LOST:g}", f"size={size}x", f"latency={latency}x"]
            with workers_for(store) as executor:
                found = search(BUDGETED, limits, minutes=minutes, training=training, executor=executor, store=store)
            run = found.confirmed or store.get(found.nearest[0].run)
        what = f"{BUDGETED}, {minutes} minutes, training {training}, {words(run.recipe)}"
        what += "" if found.confirmed else " (nearest miss, on validation samples)"
        rows += [
            line(f"{what}: points lost", -100 * run.comparison.accuracy_difference.value, POINTS_LOST),
            line(f"{what}: share of the bytes", run.comparison.size_ratio, size),
            line(f"{what}: share of the latency", run.comparison.latency_ratio.value, latency),
        ]
    return rows


PARTS: dict[str, Callable[[argparse.Namespace, Path], list[dict]]] = {
    "rate": rate,
    "contest": contest,
    "autopilot": autopilot,
    "pages": lambda asked, folder: responsive.rows(folder),
}


def main() -> None:
    """Run all parts, or those asked for, and print a table or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", action="append", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--minutes", type=float, default=5.0, help="for each contestant on each network")
    parser.add_argument("--model", action="append", choices=CONTESTED, help="of the contest; both if absent")
    parser.add_argument("--training", choices=("none", "quick", "thorough"), default="thorough", help="in the contest")
    asked, rows = parser.parse_args(), []
    with tempfile.TemporaryDirectory() as name:
        for part in asked.only or PARTS:
            rows += PARTS[part](asked, Path(name))
    report(rows, this_host(), asked.json)


if __name__ == "__main__":
    with own_stdout():
        main()
