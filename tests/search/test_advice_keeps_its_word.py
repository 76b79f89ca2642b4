"""Advice keeps its word: a real run makes each rule speak, its recipe is applied, and what it promised is measured.

A rule that offers nothing to apply is held to what it says, by a check of its own.
"""

import functools
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import onnx
import pytest

from edgekit import library
from edgekit.core.budget import Budget
from edgekit.core.interval import Interval
from edgekit.core.measurement import METRICS, QUALITIES
from edgekit.core.model import Model
from edgekit.core.run import Run
from edgekit.measure.latency import time_pair
from edgekit.measure.statistics import paired_difference
from edgekit.pipeline import compress
from edgekit.recipe import Recipe
from edgekit.search.advice import Advice, advise, baseline, beside, rules
from edgekit.search.answers import answers
from edgekit.store.store import Store
from tests.search.gauge import a_gauge

LENET, RESNET = "lenet5-fashion", "resnet8-cifar10"
GAUGES = {"a gauge": 0, "a gauge that glitches": 13}  # made here, see tests/search/gauge.py
WIDTHS = [["quantize_static"], *([f"quantize_weights,bits={bits}"] for bits in (2, 3, 4, 6, 8))]


@dataclass(frozen=True)
class Situation:
    """What makes a rule speak: a run, what else was measured before, and the budget."""

    recipe: list[str]
    model: str = LENET
    samples: int | None = 3000
    budget: Budget = Budget()
    others: list[list[str]] = field(default_factory=list)


SITUATIONS = {
    "architecture_first": Situation(
        ["prune_channels,sparsity=0.6"], others=[["separate_convs,epochs=1", "quantize_weights"]]
    ),
    "bits_without_speed": Situation(["quantize_weights"]),
    "budget_out_of_reach": Situation(WIDTHS[0], budget=Budget(size_bytes=100_000), others=WIDTHS[1:]),
    "calibration_too_small": Situation(["quantize_static,samples=2"], "a gauge"),
    "channels_of_eight": Situation(["prune_channels,sparsity=0.2,round_to=1"], RESNET),
    "depthwise_at_low_bits": Situation(["separate_convs,epochs=1", "quantize_weights,bits=2,rounding=nearest"]),
    "dynamic_on_convolutions": Situation(["quantize_dynamic,convolutions=true"], RESNET),
    "edges_at_low_bits": Situation(["quantize_weights,bits=2,edge_bits=2"]),
    "first_step": Situation([]),
    "go_further": Situation(["quantize_weights,bits=8,activations=int8"]),
    "graph_outweighs_weights": Situation(["quantize_weights,bits=2,edge_bits=2"], "a gauge"),
    "half_floats_without_speed": Situation(["quantize_fp16"]),
    "integers_without_speed": Situation(["quantize_static"], "a gauge"),
    "one_scale_for_all": Situation(["quantize_static,per_channel=false"], RESNET),
    "range_outliers": Situation(["quantize_static"], "a gauge that glitches"),
    "rounding": Situation(["quantize_weights,bits=2,rounding=nearest"]),
    "signed_activations_on_x86": Situation(["quantize_static,activation_type=int8"], RESNET),
    "sixteen_bits_without_speed": Situation(["quantize_static,activation_type=uint16"]),
    "too_few_samples_to_tell": Situation(["quantize_weights,bits=2"], samples=500, budget=Budget(accuracy_drop=3)),
    "win_accuracy_back": Situation(["quantize_weights,bits=2"]),
    "within_noise": Situation(["quantize_static"]),
    "zeros_still_stored": Situation(["prune_weights,sparsity=0.02"]),
    "zeros_without_speed": Situation(["prune_weights", "fine_tune,epochs=1"]),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A home of this module's own, so that baselines are measured once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEKIT_HOME", str(tmp_path_factory.mktemp("advice") / "home"))
        with Store.open() as opened:
            yield opened


@pytest.fixture(scope="module")
def model(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Model]:
    """A model by its name, made where it is one of ours."""
    return functools.cache(
        lambda name: a_gauge(tmp_path_factory.mktemp("gauge"), GAUGES[name]) if name in GAUGES else library.load(name)
    )


def test_every_rule_has_a_situation_that_makes_it_speak():
    assert set(SITUATIONS) == set(rules())


@pytest.mark.parametrize("rule", SITUATIONS)
def test_what_a_rule_says_and_promises_is_so(
    rule: str, store: Store, model: Callable[[str], Model], request: pytest.FixtureRequest
):
    situation = SITUATIONS[rule]
    if rule == "signed_activations_on_x86" and platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("other processors multiply signed integers at full speed")
    if situation.model == RESNET:
        request.getfixturevalue("cifar10")

    def measured(name: str, recipe: list) -> Run:
        return compress(model(name), Recipe.parse(recipe), store=store, samples=situation.samples)

    for recipe in situation.others:
        measured(situation.model, recipe)
    run = measured(situation.model, situation.recipe)
    found = advise(run, baseline(run, store), situation.budget, beside(run, store))
    advice = next(one for one in found if one.id == rule)
    if advice.recipe is None:
        EXPLAINED[rule](advice, run, store)
        return
    assert advice.promises or advice.budget
    after = measured(advice.model or situation.model, advice.recipe)
    for metric in advice.promises:
        assert is_better(metric, after, run, store), metric
    if advice.budget:
        before = baseline(run, store).measurements["accuracy"]
        assert [limit.miss(after.measurements[limit.metric]) for limit in advice.budget.limits(before)] == [None] * 3


def is_better(metric: str, after: Run, before: Run, store: Store) -> bool:
    """Whether a run is surely better than another: by the interval, where a number has one."""
    if metric == "latency_ms":
        return time_pair(Path(after.artifact.path), Path(before.artifact.path)).ratio.high < 1
    if metric in QUALITIES:
        return difference(before, after, store).low > 0
    value, was = (run.measurements[metric].value for run in (after, before))
    return value > was if METRICS[metric].more_is_better else value < was


def difference(before: Run, after: Run, store: Store) -> Interval:
    """How much better one run answers the same samples than another."""
    task = library.load(after.model).task
    scores = [task.scores(outputs, samples.labels) for samples, outputs in (answers(r, store) for r in (before, after))]
    return paired_difference(*scores)


def the_weights_are_less_than_half_of_the_file(advice: Advice, run: Run, store: Store):
    graph = onnx.load(run.artifact.path)
    codes = sum(len(tensor.raw_data) for tensor in graph.graph.initializer)
    assert codes < run.artifact.bytes / 2
    assert "Fewer bits do not shrink that" in advice.why


def all_samples_tell_more(advice: Advice, run: Run, store: Store):
    whole = compress(library.load(run.model), Recipe.parse(run.recipe), store=store).comparison.accuracy_difference
    part = run.comparison.accuracy_difference
    assert whole.high - whole.low < (part.high - part.low) / 2


def the_difference_holds_zero(advice: Advice, run: Run, store: Store):
    found = difference(store.get(run.baseline), run, store)
    assert found.low <= 0 <= found.high


EXPLAINED = {
    "graph_outweighs_weights": the_weights_are_less_than_half_of_the_file,
    "too_few_samples_to_tell": all_samples_tell_more,
    "within_noise": the_difference_holds_zero,
}
