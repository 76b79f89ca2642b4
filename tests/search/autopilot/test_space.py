"""What may be proposed: only what works on the model, all that the registry has, and within every knob's range."""

from dataclasses import replace

import optuna
import pytest

from edgekit.models.samples import load
from edgekit.registry import techniques
from edgekit.search.autopilot.proposals import Proposals
from edgekit.search.autopilot.seen import key, on_integers
from edgekit.search.autopilot.space import NARROWED, Space, proposed, trains
from edgekit.search.autopilot.start import ENCODINGS, STEMS, WITHOUT_TRAINING
from tests.search.autopilot.made_up import BITS, seen


@pytest.fixture(scope="module")
def model():
    return load("lenet5-fashion")


@pytest.fixture(scope="module")
def space(model):
    return Space.of(model)


def test_what_the_model_cannot_do_and_what_would_train_is_not_offered(space):
    offered = {name for names in space.options.values() for name in names}
    assert {"prune_channels", "quantize_static", "quantize_weights", "factorize", "share_weights"} <= offered
    assert not offered & {"prune_heads", "fine_tune", "quantize_aware_train", "search_architecture"}


def test_with_training_what_trains_is_offered_too(model):
    space = Space.of(model, epochs=1)
    assert {"fine_tune", "distill"} <= set(space.options["recover"])
    assert "quantize_aware_train" in space.options["encode"]


def test_families_narrow_it(model):
    space = Space.of(model, ["Quantization"])
    assert space.options["shape"] == space.options["recover"] == ()
    assert all(techniques()[name].family == "Quantization" for name in space.options["encode"])


def test_every_value_that_may_be_proposed_is_one_that_its_technique_takes():
    assert set(NARROWED) <= set(techniques())
    for name, kind in techniques().items():
        for knob, values in proposed(name).items():
            for value in values:
                assert getattr(kind.make({knob: value}), knob) == value, (name, knob)


def test_what_is_suggested_and_what_it_was_suggested_from_are_the_same_recipe(space):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(30):
        steps = space.suggest(study.ask())
        if steps and not space.problems(steps):
            parameters = space.parameters(steps)
            assert space.suggest(optuna.trial.FixedTrial(parameters)) == steps
            assert not trains(steps)


def test_a_recipe_between_two_values_counts_as_the_nearest_and_another_technique_as_none(space):
    between = space.parameters([{"prune_weights": {"sparsity": 0.77}}, {"quantize_static": {}}])
    assert between["shape.prune_weights.sparsity"] == 0.8
    assert space.parameters([{"prune_heads": {}}]) is None
    assert space.parameters([{"prune_weights": {"pattern": "2:4"}}]) is None


def test_the_recipes_to_begin_with_are_recipes(model):
    for steps in [*WITHOUT_TRAINING, *(stem for stem in STEMS if stem), *ENCODINGS]:
        for step in steps:
            ((name, settings),) = step.items()
            techniques()[name].make(settings)


def test_whether_a_file_computes_with_integers():
    assert on_integers([{"quantize_static": {}}])
    assert on_integers(BITS)
    assert on_integers([{"quantize_aware_train": {"bits": 3}}])
    assert not on_integers([{"quantize_weights": {"bits": 3}}])
    assert not on_integers([{"quantize_aware_train": {"activation_bits": "float"}}])
    assert not on_integers([{"prune_channels": {}}])
    assert not on_integers([])


def test_the_same_measurements_lead_to_the_same_proposals(space):
    measured = [
        seen(str(bits), -0.001 * (8 - bits), bits / 32, 0.5, steps=[{"quantize_weights": {"bits": bits}}])
        for bits in (2, 3, 5, 6, 7, 8)
    ]
    known = {one.key for one in measured}
    first = [Proposals(space, seed).next(measured, known) for seed in (0, 0, 1)]
    assert first[0] == first[1] != first[2]
    assert all(key(steps) not in known for steps in first)


def test_proposals_are_the_same_whether_measurements_come_one_by_one_or_all_at_once(space):
    by_and_by, measured, known = Proposals(space, 0), [], set()
    for number in range(14):
        asked = by_and_by.next(measured, known)
        assert asked == Proposals(space, 0).next(measured, known)
        known.add(key(asked))
        measured = [*measured, seen(str(number), -0.01 * (number % 5), 1 / (2 + number), 0.5, steps=asked)]
    revised = [replace(one, latency=one.latency / 2, size=one.size * (1 + place)) for place, one in enumerate(measured)]
    assert by_and_by.next(revised, known) == Proposals(space, 0).next(revised, known)


def test_a_network_that_was_not_lost_is_stored_in_another_way(space):
    network = {"prune_channels": {"sparsity": 0.3, "scope": "global", "round_to": 16, "shared": False}}
    measured = [seen("pruned", -0.01, 0.9, 1.0, steps=[network])]
    known = {measured[0].key}

    def proposed(useless):
        return Proposals(space, 0).next(measured, known, useless, in_vain=lambda steps: steps[0] != network)

    assert proposed(0.05)[0] == network
    assert len(proposed(0.05)) > 1
    assert proposed(0.005) is None, "by chance alone hardly any recipe begins like this"


def test_a_space_that_is_used_up_has_no_more_proposals(model):
    space = Space.of(model, ["Quantization"])
    small = Space(model, {"shape": (), "narrow": (), "recover": (), "encode": ("quantize_fp16",)})
    only = Proposals(small, 0).next([], set())
    assert only == [{"quantize_fp16": {}}]
    assert Proposals(small, 0).next([], {key(only)}) is None
    assert Proposals(space, 0).next([], {key(only)}) is not None
