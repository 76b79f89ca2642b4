"""Where the sliders stand for a recipe, and the recipes that Explore tries."""

import pytest

from edgekit.recipe import Recipe
from edgekit.search.sliders import BITS, SPARSITIES, Sliders
from edgekit.ui.sliders import explored, position


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("activations", [True, False])
@pytest.mark.parametrize("prune", ["channels", "weights"])
def test_a_position_is_found_again_from_its_recipe(bits, activations, prune):
    sliders = Sliders(sparsity=0.35, prune=prune, bits=bits, activations=activations, epochs=2)
    found = position(sliders.recipe())
    assert found.recipe() == sliders.recipe()


@pytest.mark.parametrize("sparsity", SPARSITIES)
def test_every_stop_of_the_sparsity_slider_is_found_again(sparsity):
    sliders = Sliders(sparsity=sparsity)
    assert position(sliders.recipe()).sparsity == sparsity


def test_settings_that_were_left_at_their_defaults_are_understood():
    assert position([{"prune_channels": {}}]) == Sliders(sparsity=0.5, prune="channels")
    assert position([{"fine_tune": {}}]) == Sliders(epochs=3)
    assert position([{"prune_weights": {"pattern": "2:4"}}]) == Sliders(sparsity=0.5, prune="2:4")
    assert position([]) == Sliders()


@pytest.mark.parametrize(
    "recipe",
    [
        [{"prune_channels": {"sparsity": 0.33}}],
        [{"prune_channels": {"sparsity": 0.5, "scope": "global"}}],
        [{"prune_weights": {"pattern": "4:8"}}],
        [{"quantize_static": {}}, {"quantize_static": {}}],
        [{"fine_tune": {"epochs": 3}}, {"prune_weights": {"sparsity": 0.5}}],
        [{"fine_tune": {"epochs": 50}}],
        [{"quantize_dynamic": {}}],
    ],
    ids=["off the scale", "another scope", "4:8", "twice", "another order", "too many epochs", "no slider for it"],
)
def test_a_recipe_that_no_position_makes_has_none(recipe):
    assert position(recipe) is None


def test_exploring_tries_24_different_recipes_that_the_sliders_can_make():
    recipes = explored()
    assert len({Recipe.parse(recipe).fingerprint for recipe in recipes}) == 24
    assert all(position(recipe) for recipe in recipes)
    assert not any(Recipe.parse(recipe).trains for recipe in recipes)
