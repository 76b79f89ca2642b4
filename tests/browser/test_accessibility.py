"""axe-core finds no violation on any page, in the light and in the dark theme, and nothing spills over on a phone."""

from collections.abc import Iterator

import pytest

from edgekit.core.run import Status
from edgekit.store.store import Store
from tests.browser.conftest import violations
from tests.browser.server import App, running
from tests.browser.test_links import ADDRESSES
from tests.factories import a_baseline, a_run, a_stopped_run

WIDEST = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app with runs of every kind in it."""
    home = tmp_path_factory.mktemp("app") / "home"
    with Store.open(home) as store:
        for run in [a_baseline(), a_run(), a_run(recipe=[{"quantize_weights": {"bits": 4}}])]:
            store.save(run)
        for status in (Status.FAILED, Status.CANCELLED, Status.INTERRUPTED):
            store.save(a_stopped_run(status, "the disk is full."))
    with running(home) as started:
        yield started


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("title", ADDRESSES)
def test_a_page_has_no_violations(title, theme, app, tab):
    page = tab(f"{app.url}/{ADDRESSES[title]}", color_scheme=theme)
    assert violations(page) == []


def test_a_page_that_is_still_empty_has_no_violations(tab, tmp_path):
    with running(tmp_path / "empty") as empty:
        found = {title: violations(tab(f"{empty.url}/{ADDRESSES[title]}")) for title in ("Compare", "Runs")}
    assert found == {"Compare": [], "Runs": []}


@pytest.mark.parametrize("title", ADDRESSES)
def test_a_page_fits_a_phone(title, app, tab):
    page = tab(f"{app.url}/{ADDRESSES[title]}", width=390, height=844)
    assert page.evaluate(WIDEST) <= 0
