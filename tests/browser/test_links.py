"""A link to any page opens that page, also when it is the very first request that a server gets."""

import pytest
from playwright.sync_api import expect

from edgekit.ui.router import PAGES
from tests.browser.server import running

FIRST = PAGES[0][1]
ADDRESSES = {title: "" if title == FIRST else path.removeprefix("pages/")[:-3] for path, title, _ in PAGES}


@pytest.mark.parametrize("title", ADDRESSES)
def test_a_cold_deep_link_opens_its_page_with_the_navigation_around_it(title, tab, tmp_path):
    with running(tmp_path) as app:
        page = tab(f"{app.url}/{ADDRESSES[title]}")
        for other in ADDRESSES:
            expect(page.get_by_role("link", name=other, exact=True)).to_be_visible()
        if title == FIRST:
            expect(page.locator(".st-key-model")).to_be_visible()
        else:
            expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()


def test_a_link_to_a_model_opens_the_workbench_on_it(tab, tmp_path):
    with running(tmp_path) as app:
        page = tab(f"{app.url}/models_and_data")
        page.locator(".st-key-model-resnet8-cifar10").get_by_role("link", name="Compress it").click()
        expect(page.get_by_role("combobox", name="Model")).to_have_value("ResNet-8 on CIFAR-10")
