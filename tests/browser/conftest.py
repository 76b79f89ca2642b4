"""A real Chromium, a running app, and pages in it that fail the test when their script breaks."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.chromium import FLAGS, chromium
from tests.browser.server import App, running

HERE = Path(__file__).parent
PATIENCE = 150_000  # milliseconds; a loaded machine is slow, a broken page never comes
FADING = 1_000  # milliseconds until what is drawn anew stands still
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


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app with an empty home, shared by the tests of a file."""
    with running(tmp_path_factory.mktemp("app") / "home") as started:
        yield started


@pytest.fixture
def tab(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens an address in a tab of its own session; `tab(url, width=390, color_scheme="dark")`."""
    contexts, broken = [], []

    def open_tab(url: str, width: int = 1280, height: int = 1000, **options: str) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.goto(url)
        settled(page)
        return page

    yield open_tab
    for context in contexts:
        context.close()
    assert broken == []


def settled(page: Page) -> Page:
    """Wait until the server has drawn the whole page and nothing of it is a traceback."""
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_text("This page could not be drawn")).to_have_count(0)
    return page


def violations(page: Page) -> list[str]:
    """What axe-core found: the rule, and the first element that breaks it. Streamlit's own flaws are left out."""
    page.wait_for_timeout(FADING)  # a half-faded text has half its contrast
    found = [(rule["id"], rule["nodes"][0]) for rule in Axe().run(page).response["violations"]]
    found = [(rule, node) for rule, node in found if not (rule in NOT_OURS and NOT_OURS[rule] in node["html"])]
    return [f"{rule}: {node['html'][:300]} {node['failureSummary']}" for rule, node in found]
