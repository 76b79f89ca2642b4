"""What holds for all advice together: every recipe that is offered works, in which order cards come, who gets none."""

import itertools

import pytest

from edgekit.core.budget import Budget
from edgekit.core.measurement import QUALITIES
from edgekit.core.run import Status
from edgekit.models.samples import load
from edgekit.recipe import Recipe
from edgekit.search.advice import _case, advise
from edgekit.search.sliders import BITS, Sliders
from tests.factories import a_baseline, a_measurement, a_run, a_stopped_run, compared


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED, Status.RUNNING, Status.INTERRUPTED])
def test_a_run_that_never_ended_well_gets_no_advice(status):
    assert advise(a_stopped_run(status), a_baseline()) == []


def recipes():
    """Every kind of position that the sliders have, and some that only the recipe editor makes."""
    for prune, sparsity, bits, activations, epochs in itertools.product(
        ("channels", "weights", "2:4"), (0.0, 0.5), BITS, (True, False), (0, 3, 15)
    ):
        yield Sliders(sparsity=sparsity, prune=prune, bits=bits, activations=activations, epochs=epochs).recipe()
    yield [{"quantize_dynamic": {"convolutions": True}}]
    yield [{"prune_weights": {}}, {"prune_channels": {}}, {"fine_tune": {}}, {"quantize_dynamic": {}}]
    yield [{"fine_tune": {}}, {"prune_channels": {"scope": "global", "round_to": 4}}, {"quantize_fp16": {}}]
    yield [{"quantize_static": {"activation_type": "int8", "ranges": "percentile"}}]
    yield [{"prune_weights": {"layers": {"conv*": {"sparsity": 0.2}}, "skip": ["fc2"]}}]


OUTCOMES = [
    compared(speed, ratio, size, difference, p=p)
    for speed, ratio in (("tie", 1.0), ("faster", 0.5), ("slower", 1.4))
    for size in (1.0, 0.2)
    for difference, p in ((-0.03, 0.0001), (-0.001, 0.6))
]


def test_every_recipe_that_is_offered_works_and_is_another_one():
    model, baseline = load("lenet5-fashion"), a_baseline()
    any_run, offered = a_run(machine={"id": "h", "architecture": "x86_64"}), {}
    for recipe, outcome in itertools.product(recipes(), OUTCOMES):
        accuracy = 0.9196 + outcome.accuracy_difference.value
        numbers = any_run.measurements | {"accuracy": a_measurement("accuracy", accuracy)}
        run = any_run.model_copy(update={"recipe": recipe, "comparison": outcome, "measurements": numbers})
        for budget in (None, Budget(size_bytes=1000, latency_ms=0.01)):
            for one in advise(run, baseline, budget):
                if one.recipe is not None:
                    offered[repr(one.recipe)] = one.recipe
                    assert one.recipe != recipe, (one.id, recipe)
    assert len(offered) > 100
    for recipe in offered.values():
        assert Recipe.parse(recipe).problems(model) == [], recipe


def test_cards_come_in_the_order_why_good_next_and_offer_no_recipe_twice():
    baseline, any_run = a_baseline(), a_run()
    for recipe, outcome in itertools.product(itertools.islice(recipes(), 0, None, 7), OUTCOMES):
        found = advise(any_run.model_copy(update={"recipe": recipe, "comparison": outcome}), baseline)
        tones = [one.tone for one in found]
        assert tones == sorted(tones, key=["why", "good", "next"].index)
        following = [one.recipe for one in found if one.tone == "next"]
        assert not any(one.recipe in following for one in found if one.tone == "why")


def test_without_labels_nothing_is_offered_that_trains_and_agreement_is_called_so():
    run = a_run()
    for held in (run.measurements, run.baseline_measurements):
        held["agreement"] = held.pop("accuracy").model_copy(update={"metric": "agreement"})
    labelled, bare = (advise(one, a_baseline()) for one in (a_run(), run))
    assert any("fine_tune" in step for one in labelled for step in one.recipe or [])
    assert not any("fine_tune" in step for one in bare for step in one.recipe or [])
    assert not any("of accuracy" in one.why for one in bare)


@pytest.mark.parametrize("recipe", [[{"quantize_static": {}}], [{"quantize_weights": {"bits": 2}}]])
def test_on_random_inputs_nothing_is_said_of_how_good_it_is(recipe):
    run = a_run(recipe=recipe, comparison=compared(difference=-0.9))
    for held in (run.measurements, run.baseline_measurements):
        held["random_agreement"] = held.pop("accuracy").model_copy(update={"metric": "random_agreement"})
    found = advise(run, a_baseline())
    assert not any(set(one.promises) & set(QUALITIES) or "points" in one.why for one in found)


def test_every_quality_can_be_said_in_a_sentence():
    assert set(_case.GOOD) == set(QUALITIES)
    assert set(_case.LABELLED) < set(_case.GOOD.values())
