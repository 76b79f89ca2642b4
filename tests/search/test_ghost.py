"""Previews from a table: in the metric of the model's task, remembered with the run, and held against what came."""

import math

import pytest

from edgekit.core.measurement import Origin
from edgekit.core.run import Status
from edgekit.library import load
from edgekit.pipeline import compress
from edgekit.recipe import Recipe
from edgekit.search.ghost import predict
from edgekit.search.ghost_record import Record, as_sliders_spell, record, remember
from edgekit.search.sensitivity import Sensitivity, keep, key, known_table, logit
from edgekit.search.sliders import Sliders
from edgekit.store.store import Store
from tests.factories import a_baseline, a_measurement, a_run, a_stopped_run

PRUNED, ROUNDED = Sliders(sparsity=0.5).recipe(), Sliders(bits=8).recipe()
SHA = "7" * 64


def a_table(**changes) -> Sensitivity:
    """Half of the channels cost 4 points and half of the work; 8 bits cost one point and run in half of the time."""
    values = {
        "model_sha256": SHA,
        "samples": 1000,
        "versions": {},
        "machine": "a processor",
        "metric": "bleu",
        "quality": {"[]": 0.60, key(PRUNED): 0.56, key(ROUNDED): 0.59},
        "size_bytes": {f"{key(PRUNED)} {key(ROUNDED)}": 1234, f"{key([])} {key(ROUNDED)}": 2468},
        "macs_left": {"[]": {}, key(PRUNED): {"a": 0.5, "b": 0.5}},
        "latency_ratio": {key(ROUNDED): 0.5},
        "layer_ms": {"float": {"a": 3.0, "b": 1.0}, "int8": {"a": 1.0, "b": 1.0}},
        "logit_error": 0.0,
    }
    return Sensitivity(**values | changes)


def of_translator(**changes):
    """The float file of an upload whose task is translation."""
    found = {"bleu": a_measurement("bleu", 0.61, 0.01), "latency_ms": a_measurement("latency_ms", 8.0, 0.1)}
    return a_baseline(model="mine", model_sha256=SHA, measurements=found, samples=1000, **changes)


def test_a_preview_is_in_the_metric_of_the_task(home):
    with Store.open() as store:
        keep(a_table(), store)
        found = predict("mine", PRUNED + ROUNDED, of_translator(), store)
    assert sorted(found) == ["bleu", "latency_ms", "size_bytes"]
    assert {one.metric for one in found.values()} == set(found)
    moved = sum(logit(q, 1000) - logit(0.60, 1000) for q in (0.56, 0.59))
    assert found["bleu"].value == pytest.approx(1 / (1 + math.exp(-(logit(0.61, 1000) + moved))))
    assert found["bleu"].origin is Origin.ESTIMATED
    assert found["latency_ms"].value == pytest.approx(8.0 * 0.5 * 0.5)
    assert (found["size_bytes"].value, found["size_bytes"].origin) == (1234, Origin.COUNTED)


def test_without_a_table_of_this_very_model_there_is_no_preview(home):
    with Store.open() as store:
        assert predict("mine", ROUNDED, of_translator(), store) == {}
        keep(a_table(), store)
        assert predict("mine", ROUNDED, of_translator()) == {}
        assert known_table("mine", "8" * 64, store) is None
        assert known_table("mine", SHA, store) == a_table()


def test_what_trains_in_between_leaves_only_the_quality_unknown(home):
    with Store.open() as store:
        keep(a_table(), store)
        found = predict("mine", PRUNED + [{"fine_tune": {"epochs": 3}}] + ROUNDED, of_translator(), store)
    assert sorted(found) == ["latency_ms", "size_bytes"]


def test_a_table_that_came_with_a_model_needs_no_store():
    sha256 = load("lenet5-fashion").sha256
    table = known_table("lenet5-fashion", sha256, None)
    assert (table.metric, table.model_sha256) == ("accuracy", sha256)


def test_a_quality_outside_of_0_and_1_stays_finite():
    assert logit(-3.0, 100) == logit(0.0, 100) == pytest.approx(-logit(1.0, 100))


def test_recipes_are_found_however_they_are_spelled():
    four = Sliders(bits=4, activations=False).recipe()
    assert as_sliders_spell(Recipe.parse(four).to_list()) == four
    assert as_sliders_spell(Recipe.parse(Sliders(sparsity=0.5, bits=4).recipe()).to_list()) == [
        *PRUNED,
        *Sliders(bits=4).recipe(),
    ]
    other = [{"quantize_weights": {"bits": 4, "group_size": 32}}]
    assert as_sliders_spell(other) == other


def test_a_run_remembers_what_was_predicted_of_it_in_the_store(home):
    with Store.open() as store:
        model = load("lenet5-fashion")
        run = remember(compress(model, Recipe.parse("quantize_static"), store=store, samples=200), store)
        kept = store.get(run.id)
        base = store.get(run.baseline)
        assert kept.predicted == predict(model.id, [{"quantize_static": {}}], base, store)
        assert kept.predicted["size_bytes"].value == pytest.approx(kept.measurements["size_bytes"].value, rel=0.01)
        assert remember(base, store).predicted == {}, "the network itself has no preview"
        other = compress(model, Recipe.parse("quantize_weights,bits=4,group_size=32"), store=store, samples=200)
        assert remember(other, store).predicted == {}, "no slider makes this"


def test_the_record_is_the_mean_distance_and_how_many_lay_inside():
    def run(accuracy: float, latency: float, spread: float):
        predicted = {"accuracy": a_measurement("accuracy", accuracy, spread)}
        predicted |= {"latency_ms": a_measurement("latency_ms", latency, 0.05)}
        return a_run(predicted=predicted)

    real = a_run().measurements
    good, fast = real["accuracy"].value, real["latency_ms"].value
    found = record([run(good + 0.01, fast, 0.02), run(good - 0.03, 1.1 * fast, 0.02), a_run()])
    assert found == Record(2, pytest.approx(0.02), pytest.approx(0.05), 1)
    assert record([a_run(), a_stopped_run(Status.FAILED)]) is None


def test_a_record_says_nothing_of_what_was_not_predicted():
    only_size = a_run(predicted={"size_bytes": a_measurement("size_bytes", 441_000)})
    assert record([only_size]) == Record(1, None, None, 1)
