"""Bringing a model of one's own: a bad file is answered in a sentence, a good one is compressed like any other."""

from pathlib import Path

from playwright.sync_api import Page, expect

from edgekit.models.uploads import CARD
from tests.brought import LENET, a_file
from tests.browser.conftest import settled
from tests.browser.workbench import remove, wait_for_point


def bring(page: Page, path: Path) -> None:
    page.set_input_files(".st-key-add_model input[type=file]", path)
    page.get_by_role("button", name="Add this model").click()


def test_a_brought_file_is_added_compressed_and_removed(app, tab, tmp_path):
    page = tab(f"{app.url}/models_and_data")
    (tmp_path / "notes.onnx").write_text("a shopping list")
    bring(page, tmp_path / "notes.onnx")
    expect(page.get_by_text("notes.onnx must be an ONNX file, but it looks like text.")).to_be_visible()
    bring(page, a_file(tmp_path, name="my network.onnx"))
    expect(page.get_by_role("heading", name="my network", exact=True)).to_be_visible()
    expect(page.get_by_text("must be an ONNX file")).to_have_count(0)
    (card,) = (app.home / "models").glob(f"*/{CARD}")
    page.locator(f".st-key-model-{card.parent.name}").get_by_role("link", name="Compress it").click()
    expect(page.get_by_role("combobox", name="Model")).to_have_value("my network on Fashion-MNIST")
    wait_for_point(page, "Quantize static")
    page.goto(f"{app.url}/models_and_data")
    remove(page, page.locator(f".st-key-model-{card.parent.name}"))
    expect(page.get_by_role("heading", name="my network", exact=True)).to_have_count(0)
    settled(page)
    assert not card.exists()


def test_weights_alone_are_asked_which_architecture_they_are_for(app, tab, tmp_path):
    page = tab(f"{app.url}/models_and_data")
    weights = Path(__file__).resolve().parents[2] / "sample_models" / LENET / "model.safetensors"
    page.set_input_files(".st-key-add_model input[type=file]", weights)
    expect(page.get_by_role("combobox", name="Architecture")).to_have_value("lenet5")
    page.get_by_role("button", name="Add this model").click()
    expect(page.get_by_role("heading", name="model", exact=True)).to_be_visible()
