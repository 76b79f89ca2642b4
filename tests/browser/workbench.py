"""What a person does and reads on the Workbench, in words: move a slider, click a point, download, cancel."""

import contextlib
import re
from collections.abc import Callable
from functools import partial

from playwright.sync_api import Error, Locator, Page, expect

from tests.browser.conftest import PATIENCE, settled

SHA256 = re.compile(r"[0-9a-f]{64}")
STAR = "^uncompressed"
TRIES, A_MOMENT = 5, 10_000  # how often a person tries, and milliseconds until they do so again


def insist(page: Page, act: Callable[[], object], seen: Callable[[float], object]) -> None:
    """Do something on a page that stands, and do it again where that was lost, as a person would.

    A key or a click that meets a part of the page just while it is drawn anew is heard by nobody.

    Args:
        act: what the person does.
        seen: raises an error of Playwright's unless that came to something within so many milliseconds.
    """
    lost = AssertionError, Error
    for _ in range(TRIES - 1):
        settled(page)
        with contextlib.suppress(*lost):
            act()
            seen(A_MOMENT)
            return
        settled(page)
        with contextlib.suppress(*lost):  # it was not lost: the page was only slow
            seen(A_MOMENT / 10)
            return
    act()
    seen(PATIENCE)


def click(page: Page, button: Locator, seen: Callable[[float], object]) -> None:
    """Click, and see what comes of it; for what may be clicked twice without harm."""
    insist(page, lambda: button.click(timeout=A_MOMENT), seen)


def open_dialog(page: Page, button: Locator, name: str | None = None) -> Locator:
    """Click what opens a dialog, and wait for it."""
    dialog = page.get_by_role("dialog", name=name)
    click(page, button, lambda within: expect(dialog).to_be_visible(timeout=within))
    return dialog


def remove(page: Page, card: Locator) -> None:
    """Remove what a card shows, and say yes when asked."""
    asked = open_dialog(page, card.get_by_role("button", name="Remove"))
    yes = asked.get_by_role("button", name="Remove")
    click(page, yes, lambda within: expect(asked).to_be_hidden(timeout=within))


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
    """Move a slider with the keyboard, as one may, and see it move; the page follows when it rests."""
    for _ in range(times):
        handle = page.locator(f".st-key-{slider}").get_by_role("slider").first
        before = handle.input_value()
        insist(page, partial(handle.press, key), partial(_is_not, handle, before))


def choose(page: Page, control: str, option: str) -> None:
    """Press one of a row of buttons."""
    button = page.locator(f".st-key-{control}").get_by_role("radio", name=option, exact=True)
    click(page, button, lambda within: expect(button).to_be_checked(timeout=within))


def pick(page: Page, control: Locator, option: str) -> None:
    """Choose from a list by typing, as a long one shows only some of its options."""

    def open_and_choose() -> None:
        control.press("Escape", timeout=A_MOMENT)
        control.click(timeout=A_MOMENT)
        control.fill(option[:-1], timeout=A_MOMENT)  # so that the whole name stands there only once it was chosen
        page.get_by_role("option").filter(has_text=option).first.click(timeout=A_MOMENT)

    insist(page, open_and_choose, lambda within: expect(control).to_have_value(option, timeout=within))


def open_tab(page: Page, name: str) -> None:
    """Open one of the tabs of a page."""
    one = page.get_by_role("tab", name=name, exact=True)
    click(page, one, lambda within: expect(one).to_have_attribute("aria-selected", "true", timeout=within))


def plot(chart: str) -> str:
    """The CSS of a chart as it is now; while the page is drawn anew, the last one may stand beside it."""
    return f'.st-key-chart-{chart} [data-stale="false"] .js-plotly-plot'


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
    before, selected = shown_sha256(page), page.locator(".st-key-selected")

    def click_it() -> None:
        expect(page.locator(plot(chart))).to_have_count(1, timeout=A_MOMENT)
        page.locator(plot(chart)).scroll_into_view_if_needed()
        page.mouse.click(*points(page, chart)[place])

    insist(page, click_it, lambda within: expect(selected).not_to_contain_text(before, timeout=within))
    expect(selected).to_contain_text(SHA256)


# Only measured points carry the id of a run; the frontier, the ring and the prediction do not.
_POINTS = """(plot) => {
    const {xaxis, yaxis} = plot._fullLayout, box = plot.getBoundingClientRect()
    return plot._fullData.filter(trace => trace.customdata).flatMap(trace => Array.from(trace.x, (x, i) =>
        [box.x + xaxis._offset + xaxis.d2p(x), box.y + yaxis._offset + yaxis.d2p(trace.y[i])]))
}"""


def job(page: Page) -> Locator:
    """The bar of a long job."""
    return page.locator('[class*="st-key-job-"]')


def start_job(page: Page) -> None:
    """Press Compress and wait for the bar of the job."""
    settled(page)
    page.locator(".st-key-compress").get_by_role("button").click()
    expect(job(page)).to_be_visible()


def cancel_job(page: Page) -> None:
    """Press Cancel and wait until the page says that the job was cancelled."""
    cancelled = page.get_by_text("was cancelled")
    cancel = job(page).get_by_role("button", name="Cancel")
    click(page, cancel, lambda within: expect(cancelled).to_be_visible(timeout=within))


def _is_not(control: Locator, value: str, within: float) -> None:
    expect(control).not_to_have_value(value, timeout=within)
