"""The Devices page in a browser: the kit is downloaded, run, and its result becomes a solid point."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from edgekit.devices.catalog import devices
from edgekit.store.store import Store
from tests.browser.conftest import still, violations
from tests.browser.server import App, running
from tests.devices.boards import HERE, benched, two_runs, unpacked

PLOT = ".st-key-devices .js-plotly-plot"
DRAWN = "([css, name]) => document.querySelector(css)?.data?.some(trace => trace.name == name)"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app with an original and a smaller file of it."""
    folder = tmp_path_factory.mktemp("devices")
    with Store.open(folder / "home") as store:
        two_runs(store, folder / "files")
    with running(folder / "home") as started:
        yield started


def test_a_kit_is_taken_to_a_board_and_its_result_is_drawn(app, tab, tmp_path):
    page = tab(f"{app.url}/devices?device={quote(devices()[HERE].name)}")
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Device kit").click()
    folder = unpacked(downloading.value.path().read_bytes(), tmp_path / "board")
    assert benched(folder, "--board", "The board on my desk").returncode == 0
    page.locator(".st-key-device_result input[type=file]").set_input_files(folder / "result.json")
    expect(page.get_by_text("The board on my desk:")).to_be_visible()
    page.wait_for_function(DRAWN, arg=[PLOT, "Measured on a real device"])
    expect(page.get_by_text("Your own rates")).to_be_visible()


def test_a_result_that_was_changed_is_refused_in_a_sentence(app, tab, tmp_path):
    page = tab(f"{app.url}/devices")
    (tmp_path / "result.json").write_text('{"format": "something else"}')
    page.locator(".st-key-device_result input[type=file]").set_input_files(tmp_path / "result.json")
    expect(page.get_by_text("a result must be of the format edgekit-device-result/1")).to_be_visible()


def test_on_a_phone_nothing_is_cut_off_and_everyone_can_read_the_page(app, tab):
    page = still(tab(f"{app.url}/devices", width=390))
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.set_viewport_size({"width": 1280, "height": 1000})
    assert violations(page) == []
