"""What a person does and reads on the Workbench, in words: move a slider, click a point, download, cancel."""

import re

from playwright.sync_api import Locator, Page, expect

SHA256 = re.compile(r"[0-9a-f]{64}")
STAR = "^uncompressed"


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


def plot(chart: str) -> str:
    """The CSS of a chart as it is now; while the page is drawn anew, the last one may stand beside it."""
    return f'.st-key-chart-{chart}[data-stale="false"] .js-plotly-plot'


def points(page: Page, chart: str = "size_bytes") -> list[tuple[float, float]]:
    """Where the measured points of a chart are on the screen, in pixels, from left to right."""
    return sorted(map(tuple, page.locator(plot(chart)).evaluate(_POINTS)))


def wait_for_points(page: Page, count: int, chart: str = "size_bytes", or_more: bool = False) -> None:
    """Wait until a chart shows so many measured points: it is drawn a moment after the page."""
    as_many = f"length {'>=' if or_more else '=='} {count}"
    count_is = f"css => [...document.querySelectorAll(css)].some(plot => ({_POINTS})(plot).{as_many})"
    page.wait_for_function(count_is, arg=plot(chart))


def click_point(page: Page, place: int, chart: str = "size_bytes") -> None:
    """Click the point at this place, counted from the left, and wait until another file than before is selected."""
    before = shown_sha256(page)
    expect(page.locator(plot(chart))).to_have_count(1)
    page.locator(plot(chart)).scroll_into_view_if_needed()
    page.mouse.click(*points(page, chart)[place])
    expect(page.locator(".st-key-selected")).not_to_contain_text(before)
    expect(page.locator(".st-key-selected")).to_contain_text(SHA256)


# Only measured points carry the id of a run; the frontier, the ring and the prediction do not.
_POINTS = """(plot) => plot._fullData.filter(trace => trace.customdata).flatMap(trace => Array.from(trace.x, (x, i) => {
    const {xaxis, yaxis} = plot._fullLayout, box = plot.getBoundingClientRect()
    return [box.x + xaxis._offset + xaxis.d2p(x), box.y + yaxis._offset + yaxis.d2p(trace.y[i])]
}))"""


def job(page: Page) -> Locator:
    """The bar of a long job."""
    return page.locator('[class*="st-key-job-"]')


def start_job(page: Page) -> None:
    """Press Compress and wait for the bar of the job."""
    page.locator(".st-key-compress").get_by_role("button").click()
    expect(job(page)).to_be_visible()
