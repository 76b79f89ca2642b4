"""Models & data: cards with what to know before trusting a model, and a download for data that is not here."""

import pytest
from streamlit.testing.v1 import AppTest

from edgekit import library
from edgekit.data import bring
from edgekit.data.catalog import entries
from edgekit.models import uploads
from edgekit.models.samples import cards
from tests.brought import a_file
from tests.pages import fine, opened

ADD = {"Add this model", "Add this data"}


@pytest.fixture
def app(home, tmp_path, monkeypatch) -> AppTest:
    """The page on a machine that has fetched nothing yet."""
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path / "cache"))
    return fine(opened("pages/models_and_data.py"))


def test_every_model_has_a_card_with_accuracy_licence_and_how_it_was_trained(app):
    assert {heading.value for heading in app.subheader} >= {card.title for card in cards().values()}
    texts = " ".join(table.value.to_string() for table in app.table)
    trained = [card for card in cards().values() if not card.shape_only]
    for card in trained:
        assert f"{100 * card.quality.value:.2f} %" in texts
        assert card.licence in texts
    assert {code.value for code in app.code} == {card.command for card in trained}


def test_a_network_of_which_only_the_shape_is_here_says_so_and_claims_no_accuracy(app):
    facts = [table.value.to_string() for table in app.table]
    shapes = [card for card in cards().values() if card.shape_only]
    said = [one for one in facts if "Shape only: size, memory and latency, untrained" in one]
    assert len(said) == len(shapes) > 0
    assert not any("Accuracy" in one or " to " in one for one in said)


def test_data_that_is_not_here_can_be_downloaded(app):
    labels = {button.label for button in app.button}
    fetched = {f"Download {'all of ' if entry.packaged else ''}{entry.title}" for entry in entries().values()}
    built = {f"Build {card.title}" for card in cards().values() if card.on_request}
    assert labels == fetched | built | ADD
    assert {heading.value for heading in app.subheader} >= {entry.title for entry in entries().values()}


def test_texts_that_were_brought_are_shown_as_they_are(home, tmp_path):
    rows = "".join(f"It was *{word}* {n},{word}\n" for n in range(15) for word in ("good", "bad"))
    (tmp_path / "opinions.csv").write_text(f"text,label\n{rows}")
    bring.add(tmp_path / "opinions.csv")
    app = fine(opened("pages/models_and_data.py"))
    shown = [text.value for text in app.text]
    assert len(shown) == 6
    assert all(text.startswith("It was *") for text in shown)
    facts = next(table.value for table in app.table if "Texts" in table.value.to_string())
    assert "up to 16 bytes" in facts.to_string()


def test_a_file_can_be_brought_only_once_its_data_is_here(app):
    assert "Add this model" in {button.label for button in app.button}
    app.selectbox(key="upload_data").set_value("cifar10").run()
    assert "CIFAR-10 is not on this computer yet: download it below." in {line.value for line in app.caption}


def test_what_was_brought_has_a_card_until_it_is_removed(home, tmp_path):
    name = library.add(a_file(tmp_path), "fashion-mnist", title="My network")
    app = fine(opened("pages/models_and_data.py"))
    assert "My network" in {heading.value for heading in app.subheader}
    facts = next(table.value for table in app.table if "lenet.onnx, 1.73 MB" in table.value.to_string())
    assert "431 k" in facts.to_string()
    app.button(key=f"remove-{name}").click().run()
    assert uploads.cards(), "it asks before it deletes"
    fine(app.button(key="remove_really").click().run())
    assert not uploads.cards()


def test_the_workbench_lists_what_was_brought(own_store, tmp_path):
    name = library.add(a_file(tmp_path), "fashion-mnist", title="My network")
    app = fine(opened("pages/workbench.py", model=name))
    assert app.selectbox(key="model").value == name
    assert "My network on Fashion-MNIST" in app.selectbox(key="model").options


def test_a_text_that_is_no_name_is_answered_and_never_taken_for_a_file_of_the_server(app, tmp_path):
    (tmp_path / "secret.onnx").write_bytes(b"not yours")
    app.text_input(key="upload_name").set_value(str(tmp_path / "secret.onnx")).run()
    assert any("is no such name: it must begin with torchvision:, timm: or hf:" in line.value for line in app.caption)
    assert app.button(key="add-model").disabled
    app.text_input(key="upload_name").set_value("torchvision:resnet18").run()
    app.selectbox(key="upload_data").set_value(None).run()
    assert not app.button(key="add-model").disabled
