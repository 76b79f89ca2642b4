"""What was chosen for single layers becomes a recipe that does just that, in an order that works."""

import pytest

from edgekit.library import load
from edgekit.recipe import Recipe
from edgekit.search.layer_choices import AXES, recipe

LAYERS = ["conv1", "conv2", "fc1", "fc2"]


def test_nothing_chosen_is_the_network_as_it_is():
    assert recipe({}, LAYERS) == recipe({"bits": {}, "rank": {}}, LAYERS) == []


def test_the_most_frequent_bits_are_the_steps_own_and_what_was_not_chosen_is_left_alone():
    chosen = {"bits": {"conv1": 8, "conv2": 4, "fc1": 4}}
    assert recipe(chosen, LAYERS) == [
        {"quantize_weights": {"bits": 4, "edge_bits": 4, "skip": ["fc2"], "layers": {"conv1": {"bits": 8}}}}
    ]


def test_with_integer_activations_the_other_layers_get_eight_bits():
    (step,) = recipe({"bits": {"fc1": 3}}, LAYERS, integers=True)
    expected = {"bits": 8, "edge_bits": 8, "activations": "int8", "layers": {"fc1": {"bits": 3}}}
    assert step == {"quantize_weights": expected}


def test_pruning_comes_before_factors_and_rounding_comes_last():
    chosen = {"bits": {"fc1": 4}, "weights": {"fc1": 0.5}, "channels": {"conv1": 0.5}, "rank": {"fc1": 0.25}}
    steps = recipe(chosen, LAYERS)
    assert [next(iter(step)) for step in steps] == ["prune_channels", "factorize", "prune_weights", "quantize_weights"]
    assert steps[2]["prune_weights"]["layers"] == {"fc1": {"sparsity": 0.5}, "fc1.*": {"sparsity": 0.5}}
    assert Recipe.parse(steps).problems(load("lenet5-fashion")) == []


def test_a_name_with_signs_means_only_itself():
    (step,) = recipe({"weights": {"a[0]": 0.5}}, ["a[0]", "a0"])
    assert list(step["prune_weights"]["layers"]) == ["a[[]0]"]


@pytest.mark.parametrize("axis", AXES.values(), ids=AXES)
def test_every_value_of_an_axis_is_one_that_the_setting_may_have(axis):
    for value in axis.values:
        Recipe.parse(recipe({axis.id: {"fc1": value}}, LAYERS))
