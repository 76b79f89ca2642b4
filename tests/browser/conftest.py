"""A real Chromium, a running app, and pages in it that fail the test when their script breaks."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.chromium import FLAGS, chromium
from tests.browser.server import App, running

HERE = Path(__file__).parent
PATIENCE = 150_000  # milliseconds; a loaded machine is slow, a broken page never comes
LOOKS = 6  # in a row, 50 ms apart, at which nothing has changed: then a page stands still
NOT_OURS = {"presentation-role-conflict": 'data-testid="stFileUploaderDropzone"'}  # its button can be focused all right
expect.set_options(timeout=PATIENCE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder, so that `-m "not browser"` leaves it out."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of this folder."""
    path = chromium()
    assert path, "no Chromium on this machine: bash tests/run installs one"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="package")
def window(browser: Browser) -> Iterator[BrowserContext]:
    """What all tabs share, as a person's do: the app's scripts, which are the same for all tests, are loaded once."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app with an empty home, shared by the tests of a file."""
    with running(tmp_path_factory.mktemp("app") / "home") as started:
        yield started


@pytest.fixture
def tab(window: BrowserContext) -> Iterator[Callable[..., Page]]:
    """Opens an address in a tab of its own session; `tab(url, width=390, color_scheme="dark")`."""
    tabs, broken = [], []

    def open_tab(url: str, width: int = 1280, height: int = 1000, color_scheme: str = "light") -> Page:
        page = window.new_page()
        tabs.append(page)
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=color_scheme)
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.goto(url)
        return settled(page)

    yield open_tab
    for page in tabs:
        page.close()
    assert broken == []


def settled(page: Page) -> Page:
    """Wait until the server has drawn the whole page and nothing of it is a traceback."""
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_text("This page could not be drawn")).to_have_count(0)
    return page


def still(page: Page) -> Page:
    """Wait until the page is drawn, every part of it has come, and nothing moves or fades any more."""
    assert page.evaluate(_STILL, [LOOKS, PATIENCE]), "the page never stands still"
    return page


# A part whose code is still being loaded has a skeleton in its place; a chart is empty until it is drawn. Looks are
# taken only when the page has nothing else to do, so a busy machine is not taken for a page that stands still. Chromium
# was seen, once in 30 times, never to call such a page idle after it had got another size: hence the timeout.
_STILL = """([looks, patience]) => new Promise(done => {
    const end = performance.now() + patience
    const missing = '[data-testid="stApp"]:not([data-test-script-state="notRunning"]), [data-testid="stSkeleton"], ' +
        '[data-testid="stAppSkeleton"], [data-testid="stPlotlyChart"]:not(:has(.main-svg))'
    const moves = one => one.playState == "running" && one.effect.getComputedTiming().endTime != Infinity
    let changed = true, calm = 0
    const watch = new MutationObserver(() => { changed = true })
    watch.observe(document, {subtree: true, childList: true, attributes: true, characterData: true})
    const look = () => {
        changed ||= document.querySelector(missing) !== null || document.getAnimations().some(moves)
        calm = changed ? 0 : calm + 1
        changed = false
        const again = () => requestIdleCallback(look, {timeout: 2000})
        if (calm < looks && performance.now() < end) return setTimeout(again, 50)
        watch.disconnect()
        done(calm >= looks)
    }
    look()
})"""


def violations(page: Page, *schemes: str) -> list[str]:
    """What axe-core found: the rule, and the first element that breaks it. Streamlit's own flaws are left out.

    Args:
        schemes: the colour schemes to look at it in; "light" and "dark" unless told.
    """
    found = []
    for scheme in schemes or ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        still(page)  # a half-faded text has half its contrast
        rules = [(rule["id"], rule["nodes"][0]) for rule in Axe().run(page).response["violations"]]
        ours = [(rule, node) for rule, node in rules if not (rule in NOT_OURS and NOT_OURS[rule] in node["html"])]
        found += [f"{scheme}: {rule}: {node['html'][:300]} {node['failureSummary']}" for rule, node in ours]
    return found
