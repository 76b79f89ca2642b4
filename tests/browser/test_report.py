"""The report in a real browser without any network: its chart is drawn, can be read in dark and light, and prints."""

import re

import pytest
from playwright.sync_api import expect

from edgekit.report.page import html
from edgekit.store.store import Store
from tests.browser.conftest import violations
from tests.factories import a_baseline, a_run, measurements

SHEET = 720  # CSS pixels: a chart as wide as A4 allows


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A report of three runs on disk."""
    folder = tmp_path_factory.mktemp("report")
    with Store.open(folder) as store:
        base, run = a_baseline(), a_run()
        run.baseline = base.id
        for one in (base, a_run(recipe=[{"quantize_weights": {"bits": 4}}], measurements=measurements(0.91)), run):
            store.save(one)
        path = folder / "report.html"
        path.write_text(html(run, store), "utf-8")
    return path


@pytest.fixture
def opened(browser, file):
    """Opens the report with the network cut off; what it would ask a network for fails the test."""
    contexts, asked, broken = [], [], []

    def open_report(width=1100, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.on("console", lambda message: broken.append(message.text) if message.type == "error" else None)
        page.goto(file.as_uri())
        page.wait_for_selector("html[data-drawn=yes]")
        return page

    yield open_report
    for context in contexts:
        context.close()
    assert [url[:60] for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert broken == []


def test_the_charts_are_drawn_without_a_network_and_tell_a_point_that_is_pointed_at(opened):
    page = opened()
    points = page.locator(".chart").first.locator(".scatterlayer .point")
    expect(points).to_have_count(3)
    page.locator(".chart").first.scroll_into_view_if_needed()
    box = page.locator(".chart").first.locator("path.point").last.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator(".chart").first.locator(".hoverlayer")).to_contain_text(re.compile("Accuracy: 9"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_is_accessible_in_both_schemes(opened, scheme):
    page = opened(color_scheme=scheme)
    assert violations(page, scheme) == []
    axis = page.locator(".xtick text").first.evaluate("text => getComputedStyle(text).fill")
    assert axis == page.evaluate("getComputedStyle(document.body).color"), "the chart writes in the page's colour"


def test_on_a_phone_nothing_is_wider_than_the_screen(opened):
    page = opened(width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_it_prints_in_light_colours_on_a_sheet_that_holds_the_whole_chart(opened, tmp_path):
    page = opened(color_scheme="dark")
    assert page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True).startswith(b"%PDF")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    width = page.locator(".chart .main-svg").first.evaluate("svg => svg.getBoundingClientRect().width")
    assert width < SHEET
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    wide = page.locator(".chart .main-svg").first.evaluate("svg => svg.getBoundingClientRect().width")
    assert wide > SHEET
