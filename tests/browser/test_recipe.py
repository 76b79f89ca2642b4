"""Building a recipe step by step: the list of techniques, the card of each, and what the address then holds."""

import re
from functools import partial

from playwright.sync_api import expect

from tests.browser.conftest import settled, violations
from tests.browser.workbench import click, insist, open_dialog


def test_a_step_is_added_from_the_list_which_then_closes(app, tab):
    page = tab(f"{app.url}/?recipe=[]")
    listed = open_dialog(page, page.locator(".st-key-add_step button"), "Add a step")
    expect(listed.get_by_text("Quantization-aware training")).to_be_visible()
    expect(listed.get_by_text("Not for LeNet-5")).to_be_attached()
    assert violations(page) == []
    listed.locator(".st-key-add-quantize_fp16 button").locator("visible=true").click()
    expect(listed).to_be_hidden()
    expect(page.get_by_text("1. Half precision")).to_be_visible()
    expect(page).to_have_url(re.compile("quantize_fp16"))


def test_escape_closes_the_list_and_it_stays_closed(app, tab):
    page = tab(f"{app.url}/?recipe=[]")
    listed = open_dialog(page, page.locator(".st-key-add_step button"), "Add a step")
    insist(page, partial(page.keyboard.press, "Escape"), lambda within: expect(listed).to_be_hidden(timeout=within))
    settled(page)
    expect(listed).to_be_hidden()


def test_the_card_of_a_step_opens_beside_its_form(app, tab):
    page = tab(f'{app.url}/?recipe=[{{"prune_weights":{{}}}}]')
    card = page.get_by_text("When it fails:")
    about = page.locator("[class*=-about] button").locator("visible=true").first
    click(page, about, lambda within: expect(card).to_be_visible(timeout=within))
