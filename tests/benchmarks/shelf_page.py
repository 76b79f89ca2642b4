"""What opening the Models & data page costs in a server that has drawn it before, driven in Chromium.

    python -m tests.benchmarks.shelf_page [--json]

Seconds count until every card of a model and a data set can be seen: by its address in a browser that has been there
before, which is what a person's is, and by a click from the Workbench. How long the server draws is told apart, without
what the browser does.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, sync_playwright
from streamlit.testing.v1 import AppTest

from edgekit.core.host import this_host
from edgekit.data.catalog import entries
from edgekit.models import samples
from tests.benchmarks.table import line, report
from tests.browser.chromium import FLAGS, chromium
from tests.browser.conftest import settled
from tests.browser.server import App, running
from tests.pages import fine, opened

ROUNDS, PATIENCE = 9, 120  # the latter in seconds


def by_address(app: App, context: BrowserContext) -> float:
    """Seconds from the request until the last card."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    seconds = _until_drawn(page, lambda: page.goto(f"{app.url}/models_and_data", wait_until="commit"))
    settled(page)
    page.close()
    return seconds


def by_click(app: App, context: BrowserContext) -> float:
    """Seconds from a click in the navigation until the last card."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(f"{app.url}/runs")
    settled(page)
    seconds = _until_drawn(page, lambda: page.get_by_role("link", name="Models & data").first.click())
    page.close()
    return seconds


def script() -> float:
    """Seconds that the server takes to draw the page."""
    app: AppTest = fine(opened("pages/models_and_data.py"))
    started = time.perf_counter()
    fine(app.run())
    return time.perf_counter() - started


def _until_drawn(page: Page, start: Callable[[], object]) -> float:
    last = [next(reversed(names)) for names in (samples.cards(), entries())]
    started = time.perf_counter()
    start()
    for kind, name in zip(("model", "data"), last, strict=True):
        page.locator(f".st-key-{kind}-{name}").wait_for()
    return time.perf_counter() - started


def main() -> None:
    """Measure, and print a table or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    asked, rows = parser.parse_args(), []
    with tempfile.TemporaryDirectory() as name, sync_playwright() as p, running(Path(name)) as app:
        browser = p.chromium.launch(executable_path=chromium(), args=FLAGS)
        context = browser.new_context()
        for what, measure in (("by its address", by_address), ("by a click", by_click)):
            measure(app, context)  # warms server and browser up
            seconds = statistics.median(measure(app, context) for _ in range(ROUNDS))
            rows.append(line(f"Models & data, {what}: seconds until all cards are there", seconds, 1, digits=3))
        browser.close()
    rows.append(line("of which the server draws", statistics.median(script() for _ in range(ROUNDS)), None, digits=3))
    report(rows, this_host(), asked.json)


if __name__ == "__main__":
    main()
