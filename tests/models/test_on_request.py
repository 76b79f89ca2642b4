"""A model that is built on request: listed with its card, refused with the way to have it, built once, then loaded."""

import pytest
import torch

from edgekit import library
from edgekit.core import files
from edgekit.core.errors import ModelError
from edgekit.models import samples
from edgekit.models.remake import build
from tests.models.requested import a_large_model


@pytest.fixture
def large(home, tmp_path, monkeypatch) -> str:
    """The id of such a model, not built yet."""
    return a_large_model(tmp_path, monkeypatch)


def test_what_is_not_built_is_listed_and_refused_with_the_way_to_have_it(large):
    assert list(samples.cards()) == [large]
    assert not samples.is_here(large)
    with pytest.raises(ModelError) as refused:
        library.load(large)
    assert str(refused.value) == (
        "Large takes 92 MB and is built on request: python -m edgekit models build large (about 12 min on a fast one)."
    )


def test_building_writes_weights_and_a_card_of_them_that_counts_from_then_on(large):
    built = build(large)
    path = samples.built_folder(large) / "model.safetensors"
    assert (samples.is_here(large), samples.card(large)) == (True, built)
    assert built.sha256 == files.sha256(path)
    model = library.load(large)
    assert (model.sha256, model.network.fc2.out_features) == (built.sha256, 5)
    told = []
    again = build(large, lambda fraction, what: told.append(what))
    assert (again, told) == (built, ["Large is here and whole"])


def test_weights_in_half_precision_take_half_and_the_card_is_of_what_was_written(large):
    built = build(large)
    size = (samples.built_folder(large) / "model.safetensors").stat().st_size
    assert 2 * built.params < size < 2.05 * built.params
    found = samples.load(large).network.fc1.weight
    assert found.dtype == torch.float32
    assert torch.equal(found, found.half().float())


def test_damaged_weights_are_built_again(large):
    built = build(large)
    path = samples.built_folder(large) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(ModelError, match="Build them again: python -m edgekit models build large$"):
        samples.load(large)
    build(large)
    assert built.sha256 == files.sha256(path), "the same plan gives the same bytes"
    assert samples.load(large).sha256 == built.sha256


def test_a_model_that_comes_along_is_not_built():
    with pytest.raises(ModelError) as refused:
        build("lenet5-fashion")
    assert str(refused.value) == "lenet5-fashion comes with EdgeKit, so there is nothing to build."


def test_what_another_version_built_is_built_again(large):
    build(large)
    card = samples.built_folder(large) / "card.yaml"
    card.write_text(card.read_text() + "of_another_version: 1\n")
    assert not samples.is_here(large)
    assert samples.card(large).title == "Large"
    build(large)
    assert samples.is_here(large)
