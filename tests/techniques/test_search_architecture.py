"""The search keeps its limit, trains nothing that is too large, stops what falls behind, and returns the best."""

import copy
from dataclasses import replace

import numpy as np
import onnxruntime
import optuna
import pytest
import torch
from torch import nn

from edgekit.core.bench import Bench
from edgekit.core.errors import NothingToDo
from edgekit.models.architectures import fresh, parameters
from edgekit.techniques._space import SMALLEST, Design, built, suggested
from edgekit.techniques.quantize_static import QuantizeStatic
from edgekit.techniques.search_architecture import SearchArchitecture
from tests.techniques.benches import a_bench

IMAGE = (1, 16, 16)


def original() -> nn.Module:
    return fresh("resnet8", 10, IMAGE, 1.0, seed=0).eval()


def a_small_bench(**changes) -> Bench:
    """A bench that takes the parameters for the cost: to export every network that is drawn would take long."""
    return replace(a_bench(IMAGE, samples=32), **{"teacher": original(), "cost_of": by_parameters} | changes)


def by_parameters(network: nn.Module) -> dict[str, float]:
    return dict.fromkeys(("macs", "size_bytes"), parameters(network))


def by_size(network: nn.Module) -> float:
    """A score that likes networks the more, the more parameters they have."""
    return parameters(network) / 1e6


def trials_of(curve: list[dict]) -> dict[int, list[int]]:
    """The epochs that each trial was trained for; under 0 those of the network that was chosen."""
    found: dict[int, list[int]] = {}
    for point in curve:
        found.setdefault(point.get("trial", 0), []).append(point["epoch"])
    return found


@pytest.mark.parametrize(("limit_on", "metric"), [("macs", "macs"), ("size", "size_bytes"), ("latency", None)])
def test_what_is_found_keeps_the_limit(limit_on, metric):
    # A clock that always says the same: a microsecond for a thousand parameters.
    clock, exported = lambda network: parameters(network) / 1e6, a_bench(IMAGE).cost_of
    bench = a_small_bench(score=by_size, latency_of=clock, cost_of=exported)
    found = SearchArchitecture(limit_on=limit_on, limit=0.3, trials=4, trial_epochs=1, epochs=1).apply(
        original(), bench
    )
    cost = bench.latency_of if metric is None else lambda network: bench.cost_of(network)[metric]
    assert cost(found.result) <= 0.3 * cost(original())
    with torch.no_grad():
        assert found.result(torch.zeros(2, *IMAGE)).shape == (2, 10)


def test_it_returns_the_best_of_its_trials_and_says_how_many_there_were():
    step = SearchArchitecture(limit=0.4, trials=5, trial_epochs=2, epochs=3)
    found = step.apply(original(), a_small_bench(score=by_size))
    assert set(trials_of(found.curve)) == {0, 1, 2, 3, 4, 5}
    assert trials_of(found.curve)[0] == [1, 2, 3]
    best = max(point["validation_accuracy"] for point in found.curve)
    assert by_size(found.result) == best
    assert found.changes[0].layer == found.changes[1].layer == "stem.conv"
    assert found.changes[0].what.startswith("found: ")
    assert f"; {best:.1%} right after 2 epochs, the best of 5 tried (" in found.changes[0].what


def test_what_is_over_the_limit_is_never_trained():
    epochs, told = [], []
    bench = a_small_bench(on_epoch=told.append)
    counted = replace(bench, training=lambda size, epoch: epochs.append(epoch) or bench.training(size, epoch))
    found = SearchArchitecture(limit=0.1, trials=2, trial_epochs=1, epochs=1).apply(original(), counted)
    too_large = int(found.changes[0].what.split(" stopped early; ")[1].split(" over the limit")[0])
    assert too_large > 3
    assert len(epochs) == len(found.curve)
    assert told == found.curve


def test_what_is_far_below_the_limit_is_not_trained_either():
    bench, limit = a_small_bench(score=by_size), 0.5 * parameters(original())
    step = SearchArchitecture(limit_on="size", limit=0.5, least=0.6, trials=2, trial_epochs=1, epochs=1)
    found = step.apply(original(), bench)
    assert 0.6 * limit <= parameters(found.result) <= limit
    too_small = int(found.changes[0].what.split(" over the limit and ")[1].split(" far below")[0])
    assert too_small > 0


def test_where_no_design_is_near_enough_to_the_limit_that_is_said():
    bench = a_small_bench(latency_of=lambda network: 3.0 if isinstance(network, type(original())) else 1.0)
    with pytest.raises(NothingToDo) as said:
        SearchArchitecture(limit_on="latency", limit=0.5, least=0.9, trials=1).apply(original(), bench)
    assert str(said.value) == (
        "Architecture search drew 60 networks, and none has latency from 1.35 to 1.5. Lower least, raise limit, or "
        "remove the step."
    )


def test_trials_that_fall_behind_are_stopped():
    scores = iter([0.9, 0.9, 0.8, 0.8, 0.7, 0.7, 0.1, 0.95, 0.95, 0.1, 0.5, 0.5])
    step = SearchArchitecture(limit=1.0, trials=6, trial_epochs=2, epochs=2)
    found = step.apply(original(), a_small_bench(score=lambda network: next(scores)))
    # Three are there to compare with; then 0.1 is below their median at epoch 1, and 0.95 is not.
    assert trials_of(found.curve) == {1: [1, 2], 2: [1, 2], 3: [1, 2], 4: [1], 5: [1, 2], 6: [1], 0: [1, 2]}
    assert "95.0% right after 2 epochs, the best of 6 tried (2 stopped early; " in found.changes[0].what


def test_the_same_seed_finds_the_same_and_nothing_outside_changes(capfd):
    step, random, loudness = (
        SearchArchitecture(trials=3, trial_epochs=1, epochs=1),
        (torch.get_rng_state(), np.random.get_state()[1]),
        optuna.logging.get_verbosity(),
    )
    first, same, other = (
        step.apply(
            copy.deepcopy(original()),
            replace(a_bench(IMAGE, samples=32, seed=seed), score=by_size, cost_of=by_parameters),
        )
        for seed in (0, 0, 1)
    )
    assert first.changes == same.changes
    assert first.curve == same.curve
    assert torch.equal(first.result.fc.weight, same.result.fc.weight)
    assert first.changes != other.changes
    assert torch.equal(random[0], torch.get_rng_state())
    assert np.array_equal(random[1], np.random.get_state()[1])
    assert optuna.logging.get_verbosity() == loudness
    assert capfd.readouterr() == ("", "")


def test_a_limit_below_the_smallest_design_is_nothing_to_do():
    bench = a_small_bench(latency_of=lambda network: 3.0 if isinstance(network, type(original())) else 1.0)
    with pytest.raises(NothingToDo) as said:
        SearchArchitecture(limit_on="latency", limit=0.3).apply(original(), bench)
    assert str(said.value) == (
        "Architecture search knows no network with latency of at most 0.9; the smallest has 1. "
        "Raise limit, or remove the step."
    )


def test_small_search_spaces_end_though_nothing_new_is_left():
    bench = a_small_bench(latency_of=lambda network: float(parameters(network)), teacher=built(SMALLEST, 10, IMAGE, 0))
    found = SearchArchitecture(limit_on="latency", limit=1.0, trials=4, trial_epochs=1, epochs=1).apply(
        original(), bench
    )
    tried = len(trials_of(found.curve)) - 1
    assert 1 <= tried <= 4
    assert f"the best of {tried} tried" in found.changes[0].what


def test_a_clock_that_changes_its_mind_still_leaves_the_smallest():
    times = iter([10.0, 1.0])  # the original, the smallest design; whatever is timed later is too slow
    bench = a_small_bench(latency_of=lambda network: next(times, 100.0))
    found = SearchArchitecture(limit_on="latency", trials=2, trial_epochs=1, epochs=1).apply(original(), bench)
    assert f"found: {SMALLEST}" in found.changes[0].what
    assert "the best of 1 tried (0 stopped early; " in found.changes[0].what


# The space


@pytest.mark.parametrize(
    ("design", "params"),
    [
        # Stem 9·8 + 16; blocks: 8 → 16 → 8 (expand, depthwise, project, each with two numbers a channel), 8 → 16 → 16,
        # 16 → 32 → 32; head 32 · 64 + 128; classifier 65 · 10.
        (SMALLEST, 88 + (160 + 176 + 144) + (160 + 176 + 288) + (576 + 352 + 1088) + 2176 + 650),
        # Stem; blocks of two convolutions, and a shortcut with a bias where the shape changes.
        (
            Design("residual", 8, 1, 3, 1, 1.0),
            88 + (2 * 576 + 32) + 72 + (1152 + 2304 + 64 + 144) + (4608 + 9216 + 128 + 544) + 330,
        ),
    ],
)
def test_designs_have_the_parameters_counted_by_hand(design, params):
    assert parameters(built(design, 10, (1, 28, 28), seed=0)) == params


def test_a_design_in_words():
    assert str(Design("inverted", 16, 2, 5, 4, 0.75)) == (
        "2 inverted blocks of 5 × 5 a stage, 4 times as wide inside, 16 to 64 channels, images at 0.75 of their size"
    )
    assert str(Design("residual", 8, 1, 3, 1, 1.0)) == (
        "1 residual block of 3 × 3 a stage, 8 to 32 channels, images at 1 of their size"
    )


@pytest.mark.parametrize("resolution", [0.5, 0.625, 1.0])
@pytest.mark.parametrize("blocks", ["inverted", "residual"])
def test_designs_can_be_exported_and_quantized(blocks, resolution):
    bench = a_bench((3, 20, 24))
    network = built(Design(blocks, 8, 2, 5, 3, resolution), 10, (3, 20, 24), seed=0).eval()
    inputs = bench.calibration(16)
    with torch.no_grad():
        wanted = network(torch.from_numpy(inputs)).numpy()
    graph = bench.export(network)
    np.testing.assert_allclose(_run(graph, inputs), wanted, rtol=1e-3, atol=1e-5)
    assert "macs" in bench.cost_of(network)
    quantized = QuantizeStatic().apply(graph, bench).result
    assert np.isfinite(_run(quantized, inputs)).all()


def test_every_suggestion_lies_in_the_space():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    designs = {suggested(study.ask()) for _ in range(30)}
    assert len(designs) > 20
    assert {design.blocks for design in designs} == {"inverted", "residual"}
    assert all(
        parameters(built(design, 10, IMAGE, 0)) >= parameters(built(SMALLEST, 10, IMAGE, 0)) for design in designs
    )


def _run(graph, inputs: np.ndarray) -> np.ndarray:
    return onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"input": inputs})[0]
