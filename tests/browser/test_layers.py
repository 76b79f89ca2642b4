"""The map of layers in a browser: a click on a cell chooses, a second takes it back, and the choice goes along."""

import json
import re
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from playwright.sync_api import Page, expect

from edgekit.library import card
from edgekit.search.layer_sensitivity import chosen_samples, keep
from edgekit.store.store import Store
from tests.browser.conftest import settled, still, violations
from tests.browser.server import App, running
from tests.browser.workbench import insist
from tests.factories import a_baseline
from tests.ui.test_layer_map import a_table
from tests.ui.test_layers_page import LAYERS, MODEL

PLOT = ".st-key-layer_map .js-plotly-plot"
CELL = """([css, layer, value]) => {
    const plot = document.querySelector(css), {xaxis, yaxis} = plot._fullLayout, box = plot.getBoundingClientRect()
    const trace = plot.data[0], i = trace.customdata.findIndex(one => one[0] == layer && one[1] == value)
    return [box.x + xaxis._offset + xaxis.d2p(trace.base[i] + 0.3), box.y + yaxis._offset + yaxis.d2p(trace.y[i])]
}"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app that knows the layers of LeNet-5 already."""
    home = tmp_path_factory.mktemp("layers") / "home"
    rows = {"bits": dict.fromkeys(LAYERS, a_table().cells["bits"]["fc"])}
    table = a_table(model_sha256=card(MODEL).sha256, layers=LAYERS, tied=[], cells=rows, done=["bits"])
    with Store.open(home) as store:
        store.save(a_baseline())
        keep(table, chosen_samples("fashion-mnist"), store)
    with running(home) as started:
        yield started


def click(page: Page, layer: str, value: float, then: str) -> None:
    """Click the cell of a layer's value, and wait until the page says so."""

    def click_the_cell() -> None:
        still(page)
        page.mouse.click(*page.evaluate(CELL, [PLOT, layer, value]))

    insist(page, click_the_cell, lambda within: expect(page.get_by_text(then)).to_be_visible(timeout=within))


def chosen(page: Page) -> dict:
    """What the address holds."""
    found = re.search(r"[?&]layers=([^&]*)", page.url)
    return json.loads(unquote(found[1])) if found else {}


def test_cells_that_are_clicked_become_the_recipe_on_the_workbench(app, tab):
    page = tab(f"{app.url}/layers")
    click(page, "fc1", 4, "1 of 4 layers")
    click(page, "conv2", 8, "2 of 4 layers")
    assert chosen(settled(page)) == {"bits": {"fc1": 4, "conv2": 8}}
    click(page, "conv2", 8, "1 of 4 layers")
    assert chosen(settled(page)) == {"bits": {"fc1": 4}}
    page.locator(".st-key-layers_take button").click()
    expect(page.get_by_text("1. Low-bit weights")).to_be_visible()
    expect(page).to_have_url(re.compile("recipe=.*quantize_weights.*fc2"))


def test_the_map_has_no_violations_and_fits_a_phone(app, tab):
    page = tab(f'{app.url}/layers?layers={{"bits":{{"fc1":4}}}}', width=390, height=1200)
    expect(page.locator(f"{PLOT} .bars path").first).to_be_visible()
    assert violations(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
