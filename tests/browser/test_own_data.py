"""Bringing data of one's own, in Chromium: a bad file is answered, a good one becomes what a brought network is scored
on, every measurement on demand works with it, and it can be removed."""

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect

from edgekit.data import splits
from tests.brought import a_file
from tests.browser.conftest import settled, still
from tests.browser.workbench import open_tab, pick, remove, wait_for_point
from tests.data.brought import in_a_zip


def clothes(path: Path) -> Path:
    """120 pictures of the test set of Fashion-MNIST, a folder a class."""
    few = splits.load("fashion-mnist").evaluation.take(120)
    files = {}
    for number, (raw, label) in enumerate(zip(few.raw, few.labels, strict=True)):
        held = io.BytesIO()
        Image.fromarray(raw[..., 0]).save(held, "PNG")
        files[f"{label} {few.entry.classes[label].replace('/', ' ')}/{number}.png"] = held.getvalue()
    return in_a_zip(path, files)


def test_brought_data_scores_a_brought_network_until_it_is_removed(app, tab, tmp_path):
    page = tab(f"{app.url}/models_and_data")
    field = ".st-key-add_data input[type=file]"
    (tmp_path / "notes.zip").write_text("a shopping list")
    page.set_input_files(field, tmp_path / "notes.zip")
    page.get_by_role("button", name="Add this data").click()
    expect(page.get_by_text("notes.zip must be a .zip, but cannot be opened as one")).to_be_visible()
    page.set_input_files(field, clothes(tmp_path / "My clothes.zip"))
    page.get_by_role("button", name="Add this data").click()
    expect(page.get_by_role("heading", name="My clothes", exact=True)).to_be_visible()
    expect(page.get_by_text("90 to train on, 30 to test on; 28 × 28 pixels, grey")).to_be_visible()
    expect(page.get_by_role("img", name="Training sample: 0 T-shirt top").first).to_be_visible()

    still(page)
    pick(page, page.locator(".st-key-upload_data").get_by_role("combobox"), "My clothes")
    settled(page)
    page.set_input_files(".st-key-add_model input[type=file]", a_file(tmp_path, name="my network.onnx"))
    page.get_by_role("button", name="Add this model").click()
    expect(page.get_by_role("heading", name="my network", exact=True)).to_be_visible()
    page.get_by_role("link", name="Compress it").first.click()
    expect(page.get_by_role("combobox", name="Model")).to_have_value("my network on My clothes")
    wait_for_point(page, "Quantize static")

    open_tab(page, "Whole way")
    page.get_by_role("button", name="Time the whole way").click()
    expect(page.get_by_text("All together")).to_be_visible()
    open_tab(page, "Calibration")
    page.get_by_role("button", name="Measure it with 8 to 512 samples").click()
    expect(page.get_by_text("which cannot be told from the")).to_be_visible()

    page.goto(f"{app.url}/models_and_data")
    remove(page, page.locator("[class*=st-key-data-my-clothes]"))
    expect(page.locator("[class*=st-key-data-my-clothes]")).to_have_count(0)
    expect(page.get_by_role("heading", name="my network", exact=True)).to_be_visible()
