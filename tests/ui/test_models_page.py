"""Models & data: cards with what to know before trusting a model, and a download for data that is not here."""

import pytest
from streamlit.testing.v1 import AppTest

from edgekit.data.catalog import entries
from edgekit.models.samples import cards
from tests.pages import fine, opened


@pytest.fixture
def app(home, tmp_path, monkeypatch) -> AppTest:
    """The page on a machine that has fetched nothing yet."""
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path / "cache"))
    return fine(opened("pages/models_and_data.py"))


def test_every_model_has_a_card_with_accuracy_licence_and_how_it_was_trained(app):
    assert {heading.value for heading in app.subheader} >= {card.title for card in cards().values()}
    texts = " ".join(table.value.to_string() for table in app.table)
    for card in cards().values():
        assert f"{100 * card.accuracy.value:.2f} %" in texts
        assert card.licence in texts
    assert {code.value for code in app.code} == {card.command for card in cards().values()}


def test_data_that_is_not_here_can_be_downloaded(app):
    labels = {button.label for button in app.button}
    assert labels == {"Download all of Fashion-MNIST", "Download CIFAR-10", "Download MNIST"}
    assert {heading.value for heading in app.subheader} >= {entry.title for entry in entries().values()}
