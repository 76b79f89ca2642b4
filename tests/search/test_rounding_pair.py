"""QAT and PTQ at the same bits: what a recipe is put beside."""

import pytest

from edgekit.search.rounding_pair import rounding_pair

PRUNED = {"prune_channels": {"sparsity": 0.25}}


def test_a_static_recipe_meets_training_at_8_bits_behind_the_same_steps():
    pair = rounding_pair([PRUNED, {"quantize_static": {"ranges": "mse"}}])
    assert pair.bits == 8
    assert pair.after == [PRUNED, {"quantize_static": {"ranges": "mse"}}]
    assert pair.aware == [PRUNED, {"quantize_aware_train": {"bits": 8}}]


def test_few_bits_with_8_bit_activations_meet_training_at_as_many():
    pair = rounding_pair([{"quantize_weights": {"bits": 3, "activations": "int8"}}])
    assert (pair.bits, pair.aware) == (3, [{"quantize_aware_train": {"bits": 3}}])


@pytest.mark.parametrize(
    ("bits", "after"), [(8, {"quantize_static": {}}), (2, {"quantize_weights": {"bits": 2, "activations": "int8"}})]
)
def test_training_keeps_its_own_settings_and_meets_rounding_afterwards(bits, after):
    step = {"quantize_aware_train": {"bits": bits, "epochs": 7}}
    pair = rounding_pair([PRUNED, step])
    assert pair.aware == [PRUNED, step]
    assert pair.after == [PRUNED, after]


@pytest.mark.parametrize(
    "recipe",
    [[], [PRUNED], [{"quantize_weights": {"bits": 4}}], [{"quantize_fp16": {}}],
     [{"quantize_aware_train": {"activation_bits": "float"}}]],
)  # fmt: skip
def test_what_does_not_end_on_integers_belongs_to_no_pair(recipe):
    assert rounding_pair(recipe) is None
