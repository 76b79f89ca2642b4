"""The whole job on LeNet-5, as a newcomer does it: move a slider, see the point, click it, take the file home."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from edgekit.core.files import sha256
from edgekit.store.store import Store
from tests.browser import workbench
from tests.browser.conftest import settled, violations
from tests.browser.server import ROOT, App


@pytest.fixture(scope="module")
def page(window: BrowserContext, app: App) -> Iterator[Page]:
    """One tab that the tests of this file use one after the other."""
    page = window.new_page()
    page.set_viewport_size({"width": 1280, "height": 1400})
    page.goto(app.url)
    yield settled(page)
    page.close()


def test_the_first_page_measures_the_network_and_its_8_bit_form_by_itself(page: Page):
    workbench.wait_for_point(page, "quantize static|8.bit")
    workbench.wait_for_points(page, 2)


def test_a_slider_that_rests_becomes_a_measured_point(page: Page):
    before = workbench.shown_sha256(page)
    workbench.move(page, "bits", "ArrowRight", 4)  # 8 -> 7 -> 6 -> 5 -> 4
    workbench.wait_for_point(page, "bits 4|4.bit")
    assert workbench.shown_sha256(page) != before
    workbench.wait_for_points(page, 3)
    expect(page).to_have_url(re.compile("bits=4"))


def test_a_click_on_a_point_selects_its_run(page: Page):
    workbench.click_point(page, -1)  # the largest file: the network as it came
    workbench.wait_for_point(page, workbench.STAR)
    workbench.click_point(page, 0)
    workbench.wait_for_point(page, "bits 4|4.bit")


def test_the_buttons_back_and_forward_of_the_browser_select_the_run_before_and_the_run_after(page: Page):
    page.go_back()
    workbench.wait_for_point(page, workbench.STAR)
    page.go_forward()
    workbench.wait_for_point(page, "bits 4|4.bit")


def test_the_download_is_the_very_file_that_was_measured(page: Page, app: App, tmp_path):
    with page.expect_download() as started:
        page.locator(".st-key-download").get_by_role("button").click()
    file = tmp_path / started.value.suggested_filename
    started.value.save_as(file)
    assert sha256(file) == workbench.shown_sha256(page)

    command = [sys.executable, "-m", "edgekit", "measure", str(file), "--data", "fashion-mnist", "--json"]
    measured = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    with Store.open(app.home) as store:
        (run,) = [run for run in store.list() if run.artifact and run.artifact.sha256 == sha256(file)]
    assert measured["artifact"]["sha256"] == run.artifact.sha256
    assert measured["measurements"]["accuracy"]["value"] == run.measurements["accuracy"].value
    expect(page.get_by_text(f"{100 * run.measurements['accuracy'].value:.2f} %").first).to_be_visible()


def test_a_reload_shows_the_same_point(page: Page):
    before = workbench.shown_sha256(page)
    page.reload()
    settled(page)
    workbench.wait_for_point(page, "bits 4|4.bit")
    assert workbench.shown_sha256(page) == before


def test_a_measured_point_has_no_violations_in_any_of_its_tabs(page: Page):
    found = {}
    for name in page.locator(".st-key-about").get_by_role("tab").all_inner_texts():
        workbench.open_tab(page, name)
        found[name] = violations(page)
    assert found == dict.fromkeys(found, [])
    assert len(found) == 8
