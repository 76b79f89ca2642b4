"""The presenter view in a real browser: led by the keyboard, in large type, up to the report."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from edgekit.store.store import Store
from edgekit.ui.present import STEPS
from tests.browser.conftest import violations
from tests.browser.server import running
from tests.browser.workbench import insist
from tests.factories import a_baseline, a_run, compared, measurements

USUAL = 15  # pixels: the type of all other pages, in .streamlit/config.toml


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """The app with three runs in its store."""
    home = tmp_path_factory.mktemp("present") / "home"
    with Store.open(home) as store:
        base = a_baseline()
        smaller = {"measurements": measurements(0.915, 120_000, 0.2), "comparison": compared(size=0.07)}
        two_bits = a_run(recipe=[{"quantize_weights": {"bits": 2}}], baseline=base.id, **smaller)
        for run in (base, two_bits, a_run(baseline=base.id)):
            store.save(run)
    with running(home) as started:
        yield started


def heading(page, text):
    return page.get_by_role("heading", name=text, exact=True)


def press(page, key, name):
    """Turn to another step, and wait for its heading."""
    expect(page.locator(".st-key-turn")).to_be_visible()
    insist(
        page, lambda: page.keyboard.press(key), lambda within: expect(heading(page, name)).to_be_visible(timeout=within)
    )


def type_size(page) -> float:
    return float(page.evaluate("getComputedStyle(document.documentElement).fontSize").removesuffix("px"))


def test_the_keyboard_leads_through_all_steps_to_a_report_that_can_be_kept(app, tab):
    page = tab(f"{app.url}/?present=1", width=1440, height=900)
    names = list(STEPS)
    expect(heading(page, names[0])).to_be_visible()
    assert type_size(page) > USUAL
    expect(page.get_by_role("link", name="Runs")).to_have_count(0)
    for name in names[1:3]:
        press(page, "PageDown", name)
    smaller = page.get_by_role("slider").first
    insist(page, lambda: smaller.press("ArrowLeft"), lambda within: page.wait_for_url("**run=*", timeout=within))
    for key, name in (("PageDown", names[3]), ("PageDown", names[4]), ("PageUp", names[3]), ("PageDown", names[4])):
        press(page, key, name)
    with page.expect_download() as started:
        page.get_by_role("button", name="Report").click()
    assert Path(started.value.path()).read_text("utf-8").startswith("<!doctype html>")
    page.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("link", name="Runs")).to_be_visible()
    page.wait_for_function(f"getComputedStyle(document.documentElement).fontSize == '{USUAL}px'")


@pytest.mark.parametrize("step", [3, 4])
def test_the_steps_are_accessible(app, tab, step):
    page = tab(f"{app.url}/?present=1&step={step}", width=1440, height=900)
    assert violations(page) == []
