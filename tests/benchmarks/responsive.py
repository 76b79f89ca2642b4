"""Whether pages answer while a search is at work, and how long charts of 10,000 points take, driven in Chromium.

    python -m tests.benchmarks.responsive [--json]

A click counts until what it asks for can be seen. Charts: seconds from a click on the Workbench until both show every
point, more than where there are only a few. Needs CIFAR-10 (`python -m edgekit data pull cifar10`).
"""

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from edgekit.core.host import this_host
from edgekit.store.store import Store
from tests.benchmarks.table import line, report
from tests.browser import workbench
from tests.browser.chromium import FLAGS, chromium
from tests.browser.conftest import settled
from tests.browser.server import App, running
from tests.factories import a_baseline, a_run, measurements

SEARCHED, CLICKS = "resnet8-cifar10", 45
PAGES = {"Runs": "runs_search", "Models & data": "model-lenet5-fashion", "Workbench": "sparsity"}  # title -> a key
FEW, MANY, ROUNDS = 10, 10_000, 5
PATIENCE = 120_000  # milliseconds
MOST_SECONDS = 1.0


def rows(folder: Path) -> list[dict]:
    """Lines of the table."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        found = [row for part in (clicks, charts) for row in part(browser, folder)]
        browser.close()
    return found


def clicks(browser: Browser, folder: Path) -> list[dict]:
    """Seconds that pages take to answer in one tab while a search is at work in another."""
    _fill(folder / "busy", FEW)  # pages look otherwise where nothing ran yet
    with running(folder / "busy") as app:
        searching = _tab(browser, f"{app.url}/autopilot?model={SEARCHED}")
        page = _tab(browser, app.url)
        at_rest = _walked(page)
        searching.locator(".st-key-search").get_by_role("button").click()
        searching.locator(".st-key-pause_search").wait_for()
        at_work = _walked(page)
        searching.locator(".st-key-stop_search").wait_for()  # it was at work all along
    return [
        line(f"a click with no search, p95 of {CLICKS} (s)", _p95(at_rest), None, 3, median=statistics.median(at_rest)),
        line(
            f"a click while a search is at work, p95 of {CLICKS} (s)", _p95(at_work), MOST_SECONDS, 3,
            median=statistics.median(at_work),
        ),
    ]  # fmt: skip


def charts(browser: Browser, folder: Path) -> list[dict]:
    """Seconds that the Workbench takes longer with many points than with few."""
    for count in (FEW, MANY):
        _fill(folder / str(count), count)
    more = []
    with running(folder / str(FEW)) as few, running(folder / str(MANY)) as many:
        for _ in range(ROUNDS + 1):  # the first round warms both up
            drawn = [_drawn(browser, app, count) for app, count in ((few, FEW), (many, MANY))]
            more.append(drawn[1] - drawn[0])
    what = f"two charts of {MANY:,} points, more than of {FEW} (s)"
    return [line(what, statistics.median(more[1:]), MOST_SECONDS, 3)]


def _walked(page: Page) -> list[float]:
    """Seconds of each click, from page to page."""
    seconds = []
    for title, key in itertools.islice(itertools.cycle(PAGES.items()), CLICKS):
        link = page.get_by_role("link", name=title, exact=True).first
        seconds.append(_timed(link.click, page.locator(f".st-key-{key}").first.wait_for))
        settled(page)
    return seconds


def _drawn(browser: Browser, app: App, count: int) -> float:
    """Seconds from a click on the Workbench until both charts show all points."""
    page = _tab(browser, f"{app.url}/runs")

    def shown() -> None:
        for chart in ("size_bytes", "latency_ms"):
            workbench.wait_for_points(page, count, chart, or_more=True)  # the page measures where its sliders stand

    seconds = _timed(page.get_by_role("link", name="Workbench", exact=True).first.click, shown)
    page.context.close()
    return seconds


def _timed(start: Callable[[], object], seen: Callable[[], object]) -> float:
    started = time.perf_counter()
    start()
    seen()
    return time.perf_counter() - started


def _tab(browser: Browser, url: str) -> Page:
    page = browser.new_context().new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(url)
    return settled(page)


def _fill(home: Path, count: int) -> None:
    """A store with so many points of the first model, all measured here, each of its own recipe."""
    draw, machine = np.random.default_rng(0), this_host().model_dump(mode="json")
    with Store.open(home) as store:
        store.save(a_baseline(machine=machine))
        for number in range(1, count):
            share = number / count
            numbers = measurements(0.92 - 0.1 * share * draw.random(), int(2e6 * draw.random() + 1e5), 0.05 + share)
            store.save(a_run(recipe=[{"prune_weights": {"sparsity": share}}], measurements=numbers, machine=machine))


def _p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]


def main() -> None:
    """Measure, and print a table or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        report(rows(Path(name)), this_host(), asked.json)


if __name__ == "__main__":
    main()
