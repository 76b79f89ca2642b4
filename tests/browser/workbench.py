"""What a person does and reads on the Workbench, in words: move a slider, click a point, download, cancel."""

import re

from playwright.sync_api import Locator, Page, expect

SHA256 = re.compile(r"[0-9a-f]{64}")
STAR = "uncompressed"


def shown_sha256(page: Page) -> str:
    """The hash that is shown for the selected file."""
    text = page.locator(".st-key-selected").inner_text()
    found = SHA256.search(text)
    assert found, text
    return found[0]


def wait_for_point(page: Page, *words: str) -> None:
    """Wait until the selected point is one whose recipe holds these words."""
    selected = page.locator(".st-key-selected")
    for word in words:
        expect(selected).to_contain_text(re.compile(word, re.IGNORECASE))
    expect(page.locator(".st-key-download")).to_be_visible()


def move(page: Page, slider: str, key: str, times: int = 1) -> None:
    """Move a slider with the keyboard, as one may; the page follows when it rests."""
    handle = page.locator(f".st-key-{slider}").get_by_role("slider").first
    handle.focus()
    for _ in range(times):
        handle.press(key)


def choose(page: Page, control: str, option: str) -> None:
    """Press one of a row of buttons."""
    page.locator(f".st-key-{control}").get_by_role("radio", name=option, exact=True).click()


def points(page: Page, chart: str = "size_bytes") -> list[tuple[float, float]]:
    """Where the measured points of a chart are on the screen, in pixels, from left to right."""
    marks = page.locator(f".st-key-chart-{chart} .scatterlayer .trace .points path")
    boxes = [mark.bounding_box() for mark in marks.all()]
    return sorted((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes if box)


def click_point(page: Page, place: int, chart: str = "size_bytes") -> None:
    """Click the point at this place, counted from the left."""
    page.locator(f".st-key-chart-{chart}").scroll_into_view_if_needed()
    page.mouse.click(*points(page, chart)[place])


def job(page: Page) -> Locator:
    """The bar of a long job."""
    return page.locator('[class*="st-key-job-"]')


def start_job(page: Page) -> None:
    """Press Compress and wait for the bar of the job."""
    page.locator(".st-key-compress").get_by_role("button").click()
    expect(job(page)).to_be_visible()
