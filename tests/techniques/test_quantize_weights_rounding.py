"""How low-bit weights are rounded: one making up for the other, layer after layer, and block after block."""

from dataclasses import replace

import numpy as np
import onnx
import pytest

from edgekit.techniques._compensate import compensated, drawn_rows, making_up
from edgekit.techniques._graph import weight_layers
from edgekit.techniques._levels import Levels, choose
from edgekit.techniques._reconstruct import blocks
from edgekit.techniques.quantize_weights import QuantizeWeights
from tests.techniques.benches import a_bench
from tests.techniques.graphs import a_graph, inputs, residual, run, values

RANDOM = np.random.default_rng(5)
BENCH = replace(a_bench((3, 8, 8)), calibration=lambda n: inputs(n))


def output_error(weight: np.ndarray, codes: np.ndarray, scale: np.ndarray, moment: np.ndarray) -> float:
    """Sum over channels and inputs of |(w − ŵ) x|², which is (w − ŵ) M (w − ŵ)ᵀ."""
    off = weight - codes * scale
    return float(np.einsum("ok,kl,ol->", off, moment, off))


def whole(scale: np.ndarray, bits: int, inputs: int) -> Levels:
    """Symmetric levels with these scales (channels,)."""
    scale = np.asarray(scale, np.float32)[:, None]
    ends = [np.full_like(scale, end) for end in (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)]
    return Levels(scale, *ends, np.empty(0, np.float32), bits, inputs)


def test_with_inputs_that_rise_together_the_second_weight_makes_up_for_the_first():
    together = np.ones((2, 2))
    codes = compensated(np.array([[0.4, 0.4]]), whole([1.0], 2, 2), together)
    assert sorted(codes[0].tolist()) == [0, 1], "0.8 in all is nearer to 1 than to 0"


def test_with_independent_inputs_each_weight_goes_to_the_nearest_code():
    weight = RANDOM.normal(0, 1, (5, 100)).astype(np.float32)
    levels = whole(np.full(5, 0.3), 4, 100)
    got = compensated(weight, levels, np.diag(RANDOM.uniform(1, 2, 100)))
    np.testing.assert_array_equal(got, levels.nearest(weight))


@pytest.mark.parametrize(
    "kind", [{}, {"symmetric": False}, {"group": 20}, {"values": "kmeans"}, {"values": "powers"}], ids=str
)
@pytest.mark.parametrize("bits", [2, 3, 4])
def test_outputs_err_far_less_than_with_the_nearest_codes(bits: int, kind: dict):
    inputs = RANDOM.normal(0, 1, (500, 12)) @ RANDOM.normal(0, 1, (12, 100)) + RANDOM.normal(0, 0.1, (500, 100))
    moment, weight = inputs.T @ inputs, RANDOM.normal(0, 1, (6, 100)).astype(np.float32)
    levels = choose(weight, bits, "mse", **kind)
    chosen, scale = compensated(weight, levels, moment), levels.at(levels.scale)
    np.testing.assert_array_equal(chosen, levels.nearest(chosen * scale), "only levels are chosen")
    before = output_error(weight, levels.nearest(weight), scale, moment)
    assert output_error(weight, chosen, scale, moment) < 0.5 * before


def test_compensation_leaves_pruned_weights_at_zero():
    weight = RANDOM.normal(0, 1, (8, 64)).astype(np.float32)
    weight[:, ::3] = 0
    inputs = RANDOM.normal(0, 1, (200, 64)) @ RANDOM.normal(0, 1, (64, 64))
    codes = compensated(weight, whole(np.full(8, 0.5), 4, 64), inputs.T @ inputs)
    assert (codes[:, ::3] == 0).all()


def test_where_inputs_were_halved_weights_double_to_make_up_for_it():
    exact = RANDOM.normal(0, 1, (1000, 3))
    given = exact / 2
    moved = making_up(np.ones((1, 3), np.float32), given.T @ given, (exact - given).T @ given)
    np.testing.assert_allclose(moved, 2, rtol=0.06)


@pytest.mark.parametrize("pruned", [0, 20])
def test_making_up_is_the_best_that_float_weights_can_do(pruned: int):
    exact = RANDOM.normal(0, 1, (2000, 40))
    given = exact @ (np.eye(40) + RANDOM.normal(0, 0.05, (40, 40))) + RANDOM.normal(0, 0.3, (2000, 40))
    weight = RANDOM.normal(0, 1, (3, 40)).astype(np.float32)
    weight[:, :pruned] = 0
    moved = making_up(weight, given.T @ given, (exact - given).T @ given)
    assert (moved[:, :pruned] == 0).all()
    best = np.linalg.lstsq(given[:, pruned:], exact @ weight.T, rcond=None)[0].T
    tried = weight[:, pruned:], moved[:, pruned:], best
    before, after, least = (np.square(given[:, pruned:] @ w.T - exact @ weight.T).sum() for w in tried)
    assert after < 0.9 * before
    assert after < 1.05 * least


@pytest.mark.parametrize(
    "settings",
    ["pads = [1, 1, 1, 1]", "strides = [2, 1], pads = [0, 1, 2, 0]", "dilations = [2, 1]", "group = 2"],
)
def test_drawn_rows_are_what_a_convolution_really_multiplies(settings: str):
    groups = 2 if "group" in settings else 1
    text = f"""<ir_version: 10, opset_import: ["" : 21]>
        g (float[batch, 4, 8, 8] input) => (float[batch, 4, h, w] output) {{
            [conv] output = Conv <{settings}> (input, conv__weight)
        }}"""
    weight = RANDOM.normal(0, 1, (4, 4 // groups, 3, 3)).astype(np.float32)
    graph, images = a_graph(text, {"conv.weight": weight}), inputs(16, (4, 8, 8))
    layer = dict(weight_layers(graph))["conv"]
    rows = drawn_rows(images, layer, weight.shape, 10**6, np.random.default_rng(0))  # (groups, rows, k): all there are
    outputs = np.concatenate(
        [r @ w.reshape(len(w), -1).T for r, w in zip(rows, np.split(weight, groups), strict=True)], 1
    )
    wanted = run(graph, images).transpose(0, 2, 3, 1).reshape(-1, 4)
    np.testing.assert_allclose(outputs, wanted, rtol=1e-3, atol=1e-4)


# Layer after layer, and block after block


def outputs_lost(bits: int, **settings) -> float:
    """Mean squared error of the outputs of the residual network, on inputs that calibration did not see."""
    graph, fresh = residual(), inputs(256)[64:]
    done = QuantizeWeights(bits=bits, **settings).apply(residual(), BENCH).result
    return float(np.square(run(done, fresh) - run(graph, fresh)).mean())


@pytest.mark.parametrize("bits", [2, 3])
def test_each_rounding_loses_less_than_rounding_to_the_nearest(bits: int):
    plain = outputs_lost(bits, rounding="nearest")
    assert outputs_lost(bits, rounding="compensated") < 0.5 * plain
    assert outputs_lost(bits, rounding="adaround", rounds=150) < 0.7 * plain
    assert outputs_lost(bits, rounding="reconstructed", rounds=150) < 0.5 * plain


def test_the_mean_of_what_each_layer_puts_out_stays_as_it_was():
    done = QuantizeWeights(bits=2, edge_bits=2).apply(residual(), BENCH).result
    means = [run(graph, inputs()).mean(0) for graph in (residual(), done)]
    np.testing.assert_allclose(means[1], means[0], atol=0.02 * np.abs(means[0]).max())


def test_a_layer_may_be_rounded_to_the_nearest_while_others_learn():
    layers = {"block.conv1": {"rounding": "nearest"}}
    done = QuantizeWeights(bits=3, rounding="reconstructed", rounds=20, layers=layers).apply(residual(), BENCH)
    weight = values(residual())["block.conv1.weight"].reshape(8, -1)
    plain = choose(weight, 3, "mse")
    np.testing.assert_array_equal(done.encodings["block.conv1.weight"].codes.reshape(8, -1), plain.nearest(weight))


def test_blocks_begin_where_a_single_tensor_is_held():
    graph = residual()
    found = blocks(graph, dict(weight_layers(graph)))
    assert [[layer.name for layer in one.layers] for one in found] == [["stem"], ["block.conv1", "block.conv2"], ["fc"]]


def test_layers_beside_an_operator_without_gradient_learn_one_by_one():
    text = """<ir_version: 10, opset_import: ["" : 21]>
        g (float[batch, 32] input) => (float[batch, 32] output) {
            [first] a = Gemm <transB = 1> (input, first__weight, first__bias)
            b = Selu(a)
            [second] c = Gemm <transB = 1> (b, second__weight, second__bias)
            output = Add(c, input)
        }"""
    weights = {f"{n}.weight": RANDOM.normal(0, 0.2, (32, 32)) for n in ("first", "second")}
    graph = a_graph(text, weights | {f"{n}.bias": RANDOM.normal(0, 0.2, 32) for n in ("first", "second")})
    assert [len(one.nodes) for one in blocks(graph, dict(weight_layers(graph)))] == [2, 2]
    wanted, bench = run(graph, inputs(64, (32,))), replace(BENCH, calibration=lambda n: inputs(64, (32,)))
    errors = []
    for rounding in ("nearest", "reconstructed"):
        done = QuantizeWeights(bits=2, edge_bits=2, rounding=rounding, rounds=100).apply(_copy(graph), bench).result
        errors.append(np.square(run(done, inputs(64, (32,))) - wanted).mean())
    assert errors[1] < 0.7 * errors[0]


def _copy(graph: onnx.ModelProto) -> onnx.ModelProto:
    twin = onnx.ModelProto()
    twin.CopyFrom(graph)
    return twin
