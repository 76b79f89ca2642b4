"""What the real app costs, driven in Chromium: first paint, memory after one run and after twenty more, a full store.

    python -m tests.benchmarks.server [--json]

Memory is that of the server process, without the short-lived processes that time files. First paint counts from the
start of `streamlit run` and from the request, until the Workbench's controls can be seen. A full store holds 10,000
runs; opening the app on it is compared with opening it on an empty one, in turn.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from edgekit.core.host import this_host
from edgekit.core.run import Status
from edgekit.search.sliders import SPARSITIES
from edgekit.store.store import Store
from tests.benchmarks.table import line, report
from tests.browser import workbench
from tests.browser.chromium import FLAGS, chromium
from tests.browser.conftest import settled
from tests.browser.server import App, running
from tests.factories import a_run

ROUNDS = 5
STORED = 10_000
PATIENCE = 120  # seconds
REST = 4  # seconds
MEGABYTE = 1e6


def paints(browser: Browser, folder: Path) -> list[dict]:
    """Seconds until the controls of the first page can be seen, medians of fresh servers."""
    from_start, from_request = [], []
    for number in range(ROUNDS):
        started = time.perf_counter()
        with running(folder / f"paint{number}") as app:
            asked = time.perf_counter()
            _open(browser, app).close()
            from_start.append(time.perf_counter() - started)
            from_request.append(time.perf_counter() - asked)
    return [
        line("first paint, from the request (s)", statistics.median(from_request), 3, digits=3),
        line("first paint, from `streamlit run` (s)", statistics.median(from_start), None, digits=3),
    ]


def memory(browser: Browser, folder: Path) -> list[dict]:
    """Megabytes of the server process after its first run, and what twenty more add."""
    with running(folder / "memory") as app, Store.open(app.home) as store:
        page, server = _open(browser, app), psutil.Process(app.process.pid)
        _wait(lambda: _finished(store) == 2)  # the network as it is, and its 8-bit form
        first = _at_rest(page, server)
        for number in range(20):  # ten sparsities up, another width, nine sparsities down
            settled(page)
            slider, step = (
                ("bits", "ArrowLeft") if number == 10 else ("sparsity", "ArrowRight" if number < 10 else "ArrowLeft")
            )
            workbench.move(page, slider, step)
            _wait(lambda wanted=3 + number: _finished(store) >= wanted)
        added = _at_rest(page, server) - first
    return [
        line("server memory after the first run (MB)", first / MEGABYTE, 700, digits=3),
        line("added by 20 more runs (MB)", added / MEGABYTE, 50, digits=3),
    ]


def full_store(browser: Browser, folder: Path) -> list[dict]:
    """Seconds that opening the app takes longer with 10,000 runs than with none."""
    with Store.open(folder / "full") as store:
        for number in range(STORED):
            store.save(a_run(recipe=[{"prune_channels": {"sparsity": SPARSITIES[number % 20]}}], status=Status.DONE))
    more = []
    with running(folder / "full") as full, running(folder / "none") as empty:
        for _ in range(ROUNDS + 1):  # the first round warms both up
            seconds = []
            for app in (full, empty):
                asked = time.perf_counter()
                page = _open(browser, app)
                settled(page)
                seconds.append(time.perf_counter() - asked)
                page.close()
            more.append(seconds[0] - seconds[1])
    return [
        line(f"opening the app with {STORED:,} runs, more than with none (s)", statistics.median(more[1:]), 1, digits=3)
    ]


def _open(browser: Browser, app: App) -> Page:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(app.url)
    page.locator(".st-key-sparsity").wait_for()
    return page


def _at_rest(page: Page, server: psutil.Process) -> int:
    """Bytes of the server once its last job has ended, after the point that the page already shows."""
    settled(page)
    time.sleep(REST)
    return server.memory_info().rss


def _finished(store: Store) -> int:
    return store.count(statuses=[Status.DONE, Status.FAILED])


def _wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"nothing came within {PATIENCE} s"
        time.sleep(0.1)


def main() -> None:
    """Run everything and print a table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        rows = [row for part in (paints, memory, full_store) for row in part(browser, Path(name))]
        browser.close()
    report(rows, this_host(), as_json)


if __name__ == "__main__":
    main()
