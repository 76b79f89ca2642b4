"""Mixed precision: the choice is the best there is, within the budget, and rounding follows it."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from edgekit.core.errors import NothingToDo, SettingError
from edgekit.core.technique import Fact
from edgekit.models.graphs import store
from edgekit.techniques._graph import weight_layers
from edgekit.techniques._knapsack import choose
from edgekit.techniques.quantize_mixed import WIDTHS, QuantizeMixed, _divergence, _harms
from edgekit.techniques.quantize_weights import QuantizeWeights
from tests.techniques.benches import a_bench
from tests.techniques.graphs import SHAPES, a_graph, inputs, kernels, residual, run, values

BENCH = replace(a_bench((3, 8, 8)), calibration=lambda n: inputs(n))
COUNTS = {name: int(np.prod(shape)) for name, shape in SHAPES.items()}


def bits_of(**settings) -> dict[str, int]:
    done = QuantizeMixed(**settings).apply(residual(), BENCH)
    return {name.removesuffix(".weight"): encoding.bits for name, encoding in done.encodings.items()}


def mean_bits(bits: dict[str, int]) -> float:
    return sum(COUNTS[name] * n for name, n in bits.items()) / sum(COUNTS[name] for name in bits)


# The knapsack


def test_a_knapsack_worked_by_hand():
    costs = np.array([[10.0, 4.0, 1.0], [3.0, 2.0, 0.0]])
    sizes = np.array([[1, 2, 4], [1, 2, 5]])
    assert choose(costs, sizes, 6).tolist() == [2, 1], "4 + 2 of 6; cost 1 + 2"
    assert choose(costs, sizes, 5).tolist() == [2, 0], "4 + 1 of 5; cost 1 + 3 beats 4 + 2"
    assert choose(costs, sizes, 2).tolist() == [0, 0]
    assert choose(costs, sizes, 9).tolist() == [2, 2]


@pytest.mark.parametrize("seed", range(12))
def test_no_choice_of_all_that_there_are_is_better(seed: int):
    random = np.random.default_rng(seed)
    items, options = 5, 4
    sizes = np.cumsum(random.integers(1, 100_000, (items, options)), axis=1)
    costs = random.exponential(10.0 ** random.integers(-7, 3, (items, 1)), (items, options))
    budget = int(sizes.min(1).sum() + random.uniform(0, 0.7) * (sizes.max(1) - sizes.min(1)).sum())
    every = np.array(list(itertools.product(range(options), repeat=items)))  # (choices, items)
    fits = every[sizes[np.arange(items), every].sum(1) <= budget]
    best = costs[np.arange(items), fits].sum(1).min()
    chosen = choose(costs, sizes, budget)
    assert sizes[np.arange(items), chosen].sum() <= budget
    assert costs[np.arange(items), chosen].sum() == pytest.approx(best, rel=1e-9)


# The step


@pytest.mark.parametrize("average", [2.0, 2.5, 3.0, 4.0, 5.5, 8.0])
def test_the_mean_over_all_weights_stays_within_the_budget_and_uses_most_of_it(average: float):
    bits = bits_of(average_bits=average)
    assert set(bits) == set(SHAPES)
    assert set(bits.values()) <= set(WIDTHS)
    assert average - 0.75 < mean_bits(bits) <= average


def test_the_ends_of_the_budget_leave_no_choice():
    assert set(bits_of(average_bits=2.0).values()) == {2}
    assert set(bits_of(average_bits=8.0).values()) == {8}


def test_harm_falls_with_bits_and_is_none_for_a_layer_that_nobody_hears():
    graph = residual()
    store(graph, "block.conv2.weight", values(graph)["block.conv2.weight"] * np.float32(1e-6))
    layers = dict(weight_layers(graph))
    harms = _harms(graph, layers, {layer.weight: name for name, layer in layers.items()}, inputs(), BENCH)
    assert harms.shape == (4, len(WIDTHS))
    assert (harms[:, 0] > harms[:, 2]).all()
    assert (np.diff(harms[:, 2:], axis=1) <= 0).all()
    silent = list(layers).index("block.conv2")
    assert harms[silent].max() < 1e-6 * harms[0].max()


def test_harm_is_what_rounding_this_layer_alone_does_to_the_answers():
    graph, layers = residual(), dict(weight_layers(residual()))
    harms = _harms(graph, layers, {"block.conv1.weight": "block.conv1"}, inputs(), BENCH)
    alone = QuantizeWeights(skip=["stem", "block.conv2", "fc"], bits=3, edge_bits=3, rounding="nearest")

    def predicted(one) -> np.ndarray:
        logits = run(one, inputs()).astype(np.float64)
        return logits - np.log(np.exp(logits).sum(1, keepdims=True))

    got = predicted(alone.apply(residual(), BENCH).result)
    assert harms[0, WIDTHS.index(3)] == pytest.approx(_divergence(predicted(residual()), got), rel=1e-3)


def test_divergence_worked_by_hand():
    wanted, got = np.log([[0.5, 0.5]]), np.log([[0.25, 0.75]])
    assert _divergence(wanted, got) == pytest.approx(0.5 * np.log(2) + 0.5 * np.log(2 / 3))
    assert _divergence(wanted, wanted) == 0


def test_least_bits_hold_for_all_layers_or_for_some():
    assert min(bits_of(average_bits=4.0, least_bits=4).values()) >= 4
    assert bits_of(average_bits=3.0, layers={"fc": {"least_bits": 7}})["fc"] == 8


def test_least_bits_that_exceed_the_average_are_refused_before_anything_is_measured():
    def refuse(n: int) -> np.ndarray:
        raise AssertionError("asked for calibration data")

    with pytest.raises(SettingError) as refused:
        QuantizeMixed(average_bits=4.0, least_bits=5).apply(residual(), replace(BENCH, calibration=refuse))
    assert str(refused.value) == (
        "Mixed precision: average_bits must be at least 5, as least_bits asks of these layers, not 4"
    )


def test_skipped_layers_keep_their_weights_and_the_others_share_the_budget():
    done = QuantizeMixed(average_bits=3.0, skip=["stem"]).apply(residual(), BENCH)
    np.testing.assert_array_equal(values(done.result)["stem.weight"], values(residual())["stem.weight"])
    bits = {name.removesuffix(".weight"): encoding.bits for name, encoding in done.encodings.items()}
    assert set(bits) == set(SHAPES) - {"stem"}
    assert mean_bits(bits) <= 3


def test_changes_say_which_layer_got_how_many_bits():
    done = QuantizeMixed(average_bits=3.0).apply(residual(), BENCH)
    for change in done.changes:
        assert change.what.startswith(f"{done.encodings[change.layer + '.weight'].bits} bits per weight")


def test_weights_can_learn_how_to_be_rounded_as_low_bit_weights_do():
    done = QuantizeMixed(average_bits=2.5, rounding="reconstructed").apply(residual(), BENCH)
    own = {name.removesuffix(".weight"): {"bits": one.bits} for name, one in done.encodings.items()}
    same, others = (
        QuantizeWeights(layers=own, rounding=rounding).apply(residual(), BENCH).encodings
        for rounding in ("reconstructed", "compensated")
    )
    assert all(np.array_equal(one.codes, same[name].codes) for name, one in done.encodings.items())
    assert not all(np.array_equal(one.codes, others[name].codes) for name, one in done.encodings.items())


def test_with_8_bit_activations_every_width_runs_on_integers(tmp_path):
    done = QuantizeMixed(average_bits=3.5, activations="int8").apply(residual(), BENCH)
    found = kernels(done.result, tmp_path)
    assert (found["QLinearConv"], found["QGemm"], found["Conv"], found["Gemm"]) == (3, 1, 0, 0)
    assert len({encoding.bits for encoding in done.encodings.values()}) > 1


def test_what_it_needs_and_removes():
    assert QuantizeMixed().needs == {Fact.FLOAT_WEIGHTS, Fact.CALIBRATION_DATA}
    assert QuantizeMixed().removes == {Fact.FLOAT_WEIGHTS}
    assert QuantizeMixed(activations="int8").removes == {Fact.FLOAT_WEIGHTS, Fact.FLOAT_ACTIVATIONS}


def test_nothing_to_round_is_said():
    text = '<ir_version: 10, opset_import: ["" : 21]> g (float[n, 4] input) => (float[n, 4] output) '
    with pytest.raises(NothingToDo) as said:
        QuantizeMixed().apply(a_graph(text + "{ output = Relu(input) }", {}), BENCH)
    assert str(said.value) == (
        "Mixed precision found no convolution or matrix product with weights. Skip fewer layers, or remove the step."
    )
