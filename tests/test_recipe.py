"""Recipes: read and written, compared, checked before anything slow starts, and applied."""

import dataclasses

import numpy as np
import onnx
import pytest

from edgekit.artifacts.export import export
from edgekit.core.errors import RecipeError, SettingError
from edgekit.core.model import Model
from edgekit.core.preprocessing import Pixels
from edgekit.models.architectures.lenet5 import LeNet5
from edgekit.models.architectures.resnet import resnet8
from edgekit.recipe import Recipe, exported
from edgekit.registry import technique, techniques
from edgekit.tasks.classification import Classification
from edgekit.techniques.prune_channels import PruneChannels
from edgekit.techniques.prune_weights import PruneWeights
from tests.techniques.benches import a_bench

GREY = (1, 28, 28)


def a_model(**changes) -> Model:
    """LeNet-5 with random weights."""
    values = {
        "id": "lenet5-fashion", "title": "LeNet-5", "sha256": "0" * 64, "input_shape": GREY, "data": "fashion-mnist",
        "preprocessing": Pixels(mean=(0.5,), std=(0.5,)), "labels": tuple("0123456789"), "task": Classification(),
        "network": LeNet5().eval(),
    }  # fmt: skip
    return Model(**values | changes)


def a_file() -> Model:
    """The same model, as it comes from an ONNX file."""
    graph = export(LeNet5(), np.zeros((1, *GREY), np.float32))
    why = "an ONNX file holds a graph, which PyTorch cannot train"
    return a_model(id="mine.onnx", network=None, graph=graph, why_no_network=why)


# Reading and writing


def test_words_yaml_and_lists_give_the_same_recipe():
    wanted = Recipe((PruneChannels(sparsity=0.3), technique("quantize_static")()))
    assert Recipe.parse("prune_channels,sparsity=0.3", "quantize_static") == wanted
    assert Recipe.parse("- prune_channels: {sparsity: 0.3}\n- quantize_static: {}\n") == wanted
    assert Recipe.parse("- prune_channels: {sparsity: 0.3}\n- quantize_static:\n") == wanted
    assert Recipe.parse([{"prune_channels": {"sparsity": 0.3}}, {"quantize_static": {}}]) == wanted
    assert Recipe.parse(["prune_channels,sparsity=0.3", technique("quantize_static")()]) == wanted


def test_a_recipe_in_words_is_read_back_the_same():
    words = ["prune_weights,skip=fc2+conv*,sparsity=0.25,layers[conv1].sparsity=0.125", "quantize_static,equalize=True"]
    assert Recipe.parse(words).to_words() == words
    assert Recipe.parse(Recipe.parse(words).to_words()) == Recipe.parse(words)


def test_words_reach_single_layers_and_lists_of_names():
    step = Recipe.parse("prune_weights, sparsity=0.9, layers[conv*].sparsity=0.3, layers[fc?].scope=global, skip=a+b.c")
    assert step.steps == (
        PruneWeights(sparsity=0.9, layers={"conv*": {"sparsity": 0.3}, "fc?": {"scope": "global"}}, skip=["a", "b.c"]),
    )


def test_yaml_holds_only_what_differs_from_the_defaults():
    recipe = Recipe.parse("prune_weights,sparsity=0.25,layers[conv*].sparsity=0.125,skip=fc2", "fine_tune")
    text = "- prune_weights:\n    layers:\n      conv*: {sparsity: 0.125}\n    skip: [fc2]\n    sparsity: 0.25\n"
    assert recipe.to_yaml() == text + "- fine_tune: {}\n"
    assert Recipe.parse(recipe.to_yaml()) == recipe


def test_the_order_of_layer_patterns_survives_yaml():
    recipe = Recipe((PruneWeights(layers={"z*": {"sparsity": 0.1}, "a*": {"sparsity": 0.2}}),))
    assert list(Recipe.parse(recipe.to_yaml()).steps[0].layers) == ["z*", "a*"]


def test_the_empty_recipe_survives_yaml():
    assert Recipe.parse(Recipe().to_yaml()) == Recipe() == Recipe.parse([])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("prune_weight", "Step 1: no technique 'prune_weight'. Did you mean 'prune_weights'?"),
        ("prune_weights,sparsity", "Step 1: 'sparsity' must be a setting with its value, such as sparsity=0.5"),
        (
            "- 3",
            "Step 1: a step must be a technique with its settings, such as prune_weights: {sparsity: 0.5}, not 3",
        ),
        (
            "- {prune_weights: {}, fine_tune: {}}",
            "Step 1: a step must be a technique with its settings, such as prune_weights: {sparsity: 0.5}, "
            "not {'prune_weights': {}, 'fine_tune': {}}",
        ),
        (
            "{prune_weights: {}}",
            "a recipe must be a YAML list of steps, such as '- prune_weights: {sparsity: 0.5}'",
        ),
    ],
)
def test_what_is_no_recipe_is_refused_with_how_one_looks(source: str, message: str):
    with pytest.raises(RecipeError) as refused:
        Recipe.parse(source)
    assert str(refused.value) == message


def test_text_that_is_no_yaml_is_refused_with_the_place():
    with pytest.raises(RecipeError) as refused:
        Recipe.parse("- prune_weights: {}\n- [")
    assert str(refused.value) == (
        "a recipe must be a YAML list of steps; this is no YAML: "
        "expected the node content, but found '<stream end>' (line 2)"
    )


def test_all_wrong_steps_are_named_at_once():
    with pytest.raises(SettingError) as refused:
        Recipe.parse("prune_weights,sparsity=2,scop=x", "fine_tune", "prune_channel")
    assert str(refused.value) == (
        "Step 1: Magnitude pruning: sparsity must be less than or equal to 0.99, not 2.0; "
        "no setting 'scop'. Did you mean 'scope'?\n"
        "Step 3: no technique 'prune_channel'. Did you mean 'prune_channels'?"
    )


def test_an_unknown_technique_is_answered_with_all_there_are():
    with pytest.raises(RecipeError) as refused:
        technique("zzz")
    assert str(refused.value) == f"no technique 'zzz'. There are: {', '.join(techniques())}."


# The fingerprint


def test_a_default_said_or_left_out_is_the_same_recipe():
    assert Recipe.parse("prune_weights").fingerprint == Recipe.parse("prune_weights,sparsity=0.5").fingerprint


def test_floats_that_differ_by_rounding_are_the_same_recipe():
    assert Recipe((PruneWeights(sparsity=0.1 + 0.2),)).fingerprint == Recipe((PruneWeights(sparsity=0.3),)).fingerprint
    assert Recipe((PruneWeights(sparsity=-0.0),)).fingerprint == Recipe((PruneWeights(sparsity=0),)).fingerprint


@pytest.mark.parametrize(
    "other",
    [
        [],
        ["prune_weights,sparsity=0.5001", "fine_tune"],
        ["fine_tune", "prune_weights"],
        ["prune_weights", "fine_tune", "fine_tune"],
        ["prune_weights,skip=fc1", "fine_tune"],
        ["prune_weights,layers[fc1].sparsity=0.1", "fine_tune"],
    ],
)
def test_recipes_that_do_something_else_have_another_fingerprint(other: list[str]):
    assert Recipe.parse(other).fingerprint != Recipe.parse(["prune_weights", "fine_tune"]).fingerprint


def test_the_order_of_layer_patterns_counts_since_the_first_that_fits_wins():
    patterns = {"conv*": {"sparsity": 0.1}, "conv1": {"sparsity": 0.2}}
    turned = dict(reversed(patterns.items()))
    recipes = [Recipe((PruneWeights(layers=layers),)) for layers in (patterns, turned)]
    assert recipes[0].fingerprint != recipes[1].fingerprint


# Problems


@pytest.mark.parametrize(
    ("steps", "problems"),
    [
        (["prune_weights", "prune_channels", "fine_tune", "quantize_static"], []),
        (
            ["quantize_static", "prune_channels"],
            [
                f"Step 2 (Channel pruning) needs {fact}, which step 1 (Static 8-bit quantization) removed. "
                "Move step 2 before step 1."
                for fact in ("a trainable PyTorch network", "ordinary float weights")
            ],
        ),
        (
            ["prune_channels,importance=bn_scale"],
            [
                "Step 1 (Channel pruning) needs batch normalisation layers, which lenet5-fashion does not have. "
                "Remove step 1."
            ],
        ),
        (
            ["factorize", "prune_heads"],  # which would take attention away, if there were any
            [
                "Step 2 (Head and feed-forward pruning) needs attention layers with separate query, key and value "
                "projections, which lenet5-fashion does not have. Remove step 2."
            ],
        ),
    ],
)
def test_problems_say_which_step_lacks_what_and_what_to_do(steps: list[str], problems: list[str]):
    assert Recipe.parse(steps).problems(a_model()) == problems


def test_weights_that_are_codes_already_can_still_be_pruned():
    assert Recipe.parse("quantize_static", "prune_weights").problems(a_model()) == []
    assert Recipe.parse("quantize_weights", "prune_weights", "prune_weights").problems(a_file()) == []


def test_what_takes_a_network_is_refused_behind_a_quantization_step_all_at_once():
    recipe = Recipe.parse("quantize_static", "prune_weights,score=taylor,epochs=3")
    assert recipe.problems(a_model()) == [
        "Step 2 (Magnitude pruning) comes behind step 1 (Static 8-bit quantization), which leaves a finished graph, "
        f"and there {wrong}. Change that, or move step 2 before step 1."
        for wrong in ("score must be magnitude, not taylor", "epochs must be 0, not 3")
    ]


def test_float_weights_of_a_file_without_a_network_are_not_pruned():
    assert Recipe.parse("prune_weights").problems(a_file()) == [
        "Step 1 (Magnitude pruning) needs a trainable PyTorch network, which mine.onnx does not have: an ONNX file "
        "holds a graph, which PyTorch cannot train. Remove step 1."
    ]


def test_a_file_without_a_network_takes_no_training_and_says_why():
    assert Recipe.parse("fine_tune").problems(a_file()) == [
        "Step 1 (Fine-tuning) needs a trainable PyTorch network, which mine.onnx does not have: an ONNX file holds a "
        "graph, which PyTorch cannot train. Remove step 1."
    ]


def test_without_data_nothing_trains_or_calibrates():
    assert Recipe.parse("fine_tune", "quantize_static").problems(a_model(data="")) == [
        "Step 1 (Fine-tuning) needs training data with labels, which lenet5-fashion does not have. Remove step 1.",
        "Step 2 (Static 8-bit quantization) needs calibration data, which lenet5-fashion does not have. Remove step 2.",
    ]


def test_importance_by_batch_normalisation_suits_a_network_that_has_it():
    assert Recipe.parse("prune_channels,importance=bn_scale").problems(a_model(network=resnet8())) == []


def test_a_pattern_that_fits_no_layer_is_answered_with_the_nearest():
    recipe = Recipe.parse("prune_weights,skip=fc*+conv3", "quantize_static,layers[Conv1].ranges=mse")
    assert recipe.problems(a_model()) == [
        "Step 1 (Magnitude pruning): no layer 'conv3'. Did you mean 'conv2'?",
        "Step 2 (Static 8-bit quantization): no layer 'Conv1'. Did you mean 'conv1'?",
    ]


def test_apply_refuses_all_problems_before_anything_is_done():
    done = []
    with pytest.raises(RecipeError) as refused:
        Recipe.parse("prune_weights", "quantize_static", "fine_tune").apply(
            a_model(), dataclasses.replace(a_bench(GREY), progress=lambda *words: done.append(words))
        )
    assert len(str(refused.value).split("\n")) == 2
    assert done == []


# Applying


def test_the_empty_recipe_gives_the_network_as_it_was():
    model = a_model()
    state = Recipe().apply(model, a_bench(GREY))
    assert state.network is not model.network
    assert state.changes == []
    assert np.array_equal(
        onnx.numpy_helper.to_array({t.name: t for t in state.graph.graph.initializer}["fc2.weight"]),
        model.network.fc2.weight.detach().numpy(),
    )


def test_changes_and_progress_follow_the_steps():
    told = []
    bench = dataclasses.replace(a_bench(GREY), progress=lambda fraction, what: told.append(fraction))
    state = Recipe.parse("prune_weights", "prune_channels").apply(a_model(), bench)
    assert [change["step"] for change in state.changes] == [1] * 4 + [2] * 3
    assert state.changes[-1] == {"step": 2, "layer": "fc1", "what": "248 of 500 channels kept"}
    assert told == sorted(told)
    assert told[-1] == 1
    assert 0.5 in told


def test_the_state_after_each_step_is_shown():
    seen = []
    Recipe.parse("prune_weights", "prune_channels", "quantize_static").apply(
        a_model(), a_bench(GREY), lambda number, state: seen.append((number, state.network is None, len(state.changes)))
    )
    assert [(number, on_graph) for number, on_graph, _ in seen] == [(1, False), (2, False), (3, True)]
    assert [changes for *_, changes in seen] == sorted(changes for *_, changes in seen)


def test_a_graph_step_works_on_a_private_copy_of_a_file():
    model = a_file()
    before = model.graph.SerializeToString(deterministic=True)
    state = Recipe.parse("quantize_static").apply(model, a_bench(GREY))
    assert model.graph.SerializeToString(deterministic=True) == before
    assert state.graph.SerializeToString(deterministic=True) != before


def test_a_state_is_exported_once():
    state = Recipe().apply(a_model(), a_bench(GREY))
    assert exported(state, a_bench(GREY).example) is state


def test_a_recipe_trains_if_one_of_its_steps_does():
    assert Recipe.parse("prune_weights", "fine_tune").trains
    assert not Recipe.parse("prune_weights", "quantize_static").trains
