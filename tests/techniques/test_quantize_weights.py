"""Low-bit weights: which bits each layer gets, and that the graph computes with exactly what the codes say."""

from dataclasses import replace

import numpy as np
import pytest

from edgekit.artifacts.export import export
from edgekit.artifacts.packing import pack
from edgekit.core.errors import NothingToDo
from edgekit.core.technique import Fact
from edgekit.data import splits
from edgekit.models import samples
from edgekit.techniques._codes import encode, nearest
from edgekit.techniques._compensate import compensated, second_moments
from edgekit.techniques._graph import weight_layers
from edgekit.techniques.quantize_static import QuantizeStatic
from edgekit.techniques.quantize_weights import QuantizeWeights
from tests.techniques.benches import HOST, a_bench
from tests.techniques.graphs import SHAPES, a_graph, inputs, kernels, matrix, residual, run, values

RANDOM = np.random.default_rng(5)
BENCH = replace(a_bench((3, 8, 8)), calibration=lambda n: inputs(n))


def bits_of(**settings) -> dict[str, int]:
    done = QuantizeWeights(**settings).apply(residual(), BENCH)
    return {name.removesuffix(".weight"): encoding.bits for name, encoding in done.encodings.items()}


@pytest.mark.parametrize("bits", range(2, 9))
def test_with_float_activations_the_graph_holds_what_the_codes_decode_to(bits: int):
    done = QuantizeWeights(bits=bits).apply(residual(), BENCH)
    stored = values(done.result)
    assert set(done.encodings) == {f"{layer}.weight" for layer in SHAPES}
    for name, encoding in done.encodings.items():
        np.testing.assert_array_equal(stored[name], encoding.decode())
        assert stored[name].dtype == np.float32
    assert [change.layer for change in done.changes] == list(SHAPES)


@pytest.mark.parametrize("bits", range(2, 9))
def test_with_8_bit_activations_the_graph_holds_the_codes_and_runs_on_integers(bits: int, tmp_path):
    done = QuantizeWeights(bits=bits, activations="int8").apply(residual(), BENCH)
    stored = values(done.result)
    for name, encoding in done.encodings.items():
        np.testing.assert_array_equal(stored[name], encoding.codes)
        np.testing.assert_array_equal(stored[f"{name}_scale"], encoding.scale)
    found = kernels(done.result, tmp_path)
    assert (found["QLinearConv"], found["QGemm"], found["Conv"], found["Gemm"]) == (3, 1, 0, 0)


def test_bias_codes_follow_the_scales_of_the_low_bit_weights():
    done = QuantizeWeights(bits=3, activations="int8").apply(residual(), BENCH)
    stored, original = values(done.result), values(residual())
    scale = stored["b_scale"] * done.encodings["block.conv1.weight"].scale
    np.testing.assert_array_equal(stored["block.conv1.bias_scale"], scale)
    np.testing.assert_allclose(stored["block.conv1.bias"] * scale, original["block.conv1.bias"], atol=scale.max() / 2)


@pytest.mark.parametrize("activations", ["float", "int8"])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_the_packed_graph_gives_the_same_outputs_with_the_same_kernels(bits: int, activations: str, tmp_path):
    done = QuantizeWeights(bits=bits, activations=activations).apply(residual(), BENCH)
    packed = pack(done.result, done.encodings)
    np.testing.assert_array_equal(run(packed, inputs()), run(done.result, inputs()))
    assert kernels(packed, tmp_path) == kernels(done.result, tmp_path)


def test_eight_bits_with_8_bit_activations_are_as_good_as_static_quantization():
    wanted = run(residual(), inputs())
    errors = [
        np.abs(run(step.apply(residual(), BENCH).result, inputs()) - wanted).mean()
        for step in (QuantizeWeights(bits=8, activations="int8"), QuantizeStatic())
    ]
    assert errors[0] <= 1.2 * errors[1]


def test_fewer_bits_err_more():
    wanted = run(residual(), inputs())
    errors = [
        np.square(
            run(QuantizeWeights(bits=b, edge_bits=b, rounding="nearest").apply(residual(), BENCH).result, inputs())
            - wanted
        ).mean()
        for b in (8, 6, 4, 2)
    ]
    assert errors == sorted(errors)


def test_the_first_and_the_last_layer_keep_eight_bits():
    assert bits_of(bits=2) == {"stem": 8, "block.conv1": 2, "block.conv2": 2, "fc": 8}


def test_edge_bits_only_ever_add_bits():
    assert set(bits_of(bits=6, edge_bits=2).values()) == {6}
    assert bits_of(bits=3, edge_bits=5)["fc"] == 5


def test_a_layer_of_its_own_bits_wins_over_the_edge():
    layers = {"stem": {"bits": 3}, "block.*": {"clipping": "minmax"}}
    assert bits_of(bits=4, layers=layers) == {"stem": 3, "block.conv1": 4, "block.conv2": 4, "fc": 8}


def test_skipping_the_last_layer_makes_no_other_one_the_last():
    assert bits_of(bits=4, skip=["fc"]) == {"stem": 8, "block.conv1": 4, "block.conv2": 4}


@pytest.mark.parametrize("activations", ["float", "int8"])
def test_skipped_weights_stay_as_they_were(activations: str):
    done = QuantizeWeights(bits=2, skip=["block.*"], activations=activations).apply(residual(), BENCH)
    np.testing.assert_array_equal(values(done.result)["block.conv1.weight"], values(residual())["block.conv1.weight"])


def test_clipping_mse_beats_minmax_on_bell_shaped_weights():
    weight = np.random.default_rng(3).normal(0, 0.1, (4, 64))

    def error(**settings) -> float:
        done = QuantizeWeights(edge_bits=2, rounding="nearest", **settings).apply(matrix(weight), BENCH)
        return np.square(values(done.result)["fc.weight"] - weight).sum()

    for bits in (2, 3, 4):
        assert error(bits=bits, clipping="mse") < error(bits=bits, clipping="minmax")


def test_pruned_weights_stay_zero():
    weight = np.random.default_rng(4).normal(0, 1, (8, 32))
    weight[weight < 0.5] = 0
    bench = replace(BENCH, calibration=lambda n: inputs(n, (32,)))
    done = QuantizeWeights(bits=3, edge_bits=3).apply(matrix(weight), bench)
    assert (values(done.result)["fc.weight"][weight == 0] == 0).all()


def test_x86_without_vnni_gets_seven_bits_where_sums_could_overflow():
    avx2 = replace(BENCH, host=HOST.model_copy(update={"features": ("avx2",)}))
    done = QuantizeWeights(bits=8, activations="int8").apply(residual(), avx2)
    assert {encoding.bits for encoding in done.encodings.values()} == {7}
    assert done.changes[0].what.startswith("7 bits per weight")
    assert {e.bits for e in QuantizeWeights(bits=8).apply(residual(), avx2).encodings.values()} == {8}


def test_calibration_data_is_needed_to_compensate_and_for_8_bit_activations():
    assert QuantizeWeights().needs == {Fact.FLOAT_WEIGHTS, Fact.CALIBRATION_DATA}
    assert QuantizeWeights(rounding="nearest").needs == {Fact.FLOAT_WEIGHTS}
    assert QuantizeWeights().removes == {Fact.FLOAT_WEIGHTS}
    everything = {Fact.FLOAT_WEIGHTS, Fact.FLOAT_ACTIVATIONS, Fact.CALIBRATION_DATA}
    assert QuantizeWeights(activations="int8").needs == everything
    assert QuantizeWeights(activations="int8").removes == {Fact.FLOAT_WEIGHTS, Fact.FLOAT_ACTIVATIONS}


def test_nothing_to_round_is_said():
    text = '<ir_version: 10, opset_import: ["" : 21]> g (float[n, 4] input) => (float[n, 4] output) '
    with pytest.raises(NothingToDo) as said:
        QuantizeWeights().apply(a_graph(text + "{ output = Relu(input) }", {}), BENCH)
    assert str(said.value) == (
        "Low-bit weights found no convolution or matrix product with weights. Skip fewer layers, or remove the step."
    )


# Compensated rounding


def output_error(weight: np.ndarray, codes: np.ndarray, scale: np.ndarray, moment: np.ndarray) -> float:
    """Sum over channels and inputs of |(w − ŵ) x|², which is (w − ŵ) M (w − ŵ)ᵀ."""
    off = weight - codes * scale[:, None]
    return float(np.einsum("ok,kl,ol->", off, moment, off))


def test_with_inputs_that_rise_together_the_second_weight_makes_up_for_the_first():
    together = np.ones((2, 2))
    codes = compensated(np.array([[0.4, 0.4]]), np.array([1.0]), -2, 1, together)
    assert sorted(codes[0].tolist()) == [0, 1], "0.8 in all is nearer to 1 than to 0"


def test_with_independent_inputs_each_weight_goes_to_the_nearest_code():
    weight = RANDOM.normal(0, 1, (5, 100)).astype(np.float32)
    scale = np.full(5, 0.3, np.float32)
    got = compensated(weight, scale, -8, 7, np.diag(RANDOM.uniform(1, 2, 100)))
    np.testing.assert_array_equal(got, nearest(weight, scale, -8, 7))


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_outputs_err_far_less_than_with_the_nearest_codes(bits: int):
    inputs = RANDOM.normal(0, 1, (500, 12)) @ RANDOM.normal(0, 1, (12, 100)) + RANDOM.normal(0, 0.1, (500, 100))
    moment, weight = inputs.T @ inputs, RANDOM.normal(0, 1, (6, 100)).astype(np.float32)
    first, last = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    scale = encode(weight, 0, bits, clipping="mse").scale
    codes = compensated(weight, scale, first, last, moment)
    assert (codes == np.rint(codes)).all()
    assert codes.min() >= first
    assert codes.max() <= last
    before = output_error(weight, nearest(weight, scale, first, last), scale, moment)
    assert output_error(weight, codes, scale, moment) < 0.5 * before


def test_compensation_leaves_pruned_weights_at_zero():
    weight = RANDOM.normal(0, 1, (8, 64)).astype(np.float32)
    weight[:, ::3] = 0
    inputs = RANDOM.normal(0, 1, (200, 64)) @ RANDOM.normal(0, 1, (64, 64))
    codes = compensated(weight, np.full(8, 0.5, np.float32), -8, 7, inputs.T @ inputs)
    assert (codes[:, ::3] == 0).all()


@pytest.mark.parametrize(
    "settings", ["pads = [1, 1, 1, 1]", "strides = [2, 1], pads = [0, 1, 2, 0]", "dilations = [2, 1]"]
)
def test_second_moments_are_those_of_what_a_convolution_really_multiplies(settings: str):
    text = f"""<ir_version: 10, opset_import: ["" : 21]>
        g (float[batch, 3, 8, 8] input) => (float[batch, 4, h, w] output) {{
            [conv] output = Conv <{settings}> (input, conv__weight)
        }}"""
    weight = RANDOM.normal(0, 1, (4, 3, 3, 3))
    graph, images = a_graph(text, {"conv.weight": weight}), inputs(16)
    moment = second_moments(graph, dict(weight_layers(graph)), images, 0, lambda fraction, what: None)["conv"]
    rows = weight.reshape(4, -1)
    energy = np.square(run(graph, images)).sum((0, 2, 3))  # Σ (w x)² = w M wᵀ for each channel
    np.testing.assert_allclose(np.einsum("ok,kl,ol->o", rows, moment, rows), energy, rtol=1e-4)


def test_seven_bits_and_grouped_convolutions_are_rounded_without_calibration():
    def refuse(n: int) -> np.ndarray:
        raise AssertionError("asked for calibration data")

    without = replace(BENCH, calibration=refuse)
    QuantizeWeights(bits=7).apply(residual(), without)
    QuantizeWeights(bits=4, rounding="nearest").apply(residual(), without)
    text = """<ir_version: 10, opset_import: ["" : 21]>
        g (float[batch, 4, 8, 8] input) => (float[batch, 4, 6, 6] output) {
            [conv] output = Conv <group = 4> (input, conv__weight)
        }"""
    grouped = a_graph(text, {"conv.weight": RANDOM.normal(0, 1, (4, 1, 3, 3))})
    done = QuantizeWeights(bits=4, edge_bits=4).apply(grouped, without)
    assert done.encodings["conv.weight"].bits == 4


@pytest.mark.parametrize(("bits", "points"), [(4, 0.5), (3, 1.5), (2, 4.0)])
def test_lenet_keeps_its_accuracy_at_a_fraction_of_its_size(bits: int, points: float):
    model, data = samples.load("lenet5-fashion"), splits.load("fashion-mnist")
    graph = export(model.network, np.zeros((1, *model.input_shape), np.float32))
    calibration, test = model.preprocessing(data.training.take(128).pixels), data.evaluation.take(2000)
    images = model.preprocessing(test.pixels)
    before = (run(graph, images).argmax(1) == test.labels).mean()
    size = graph.ByteSize()
    done = QuantizeWeights(bits=bits).apply(graph, replace(BENCH, calibration=lambda n: calibration[:n]))
    packed = pack(done.result, done.encodings)
    after = (run(packed, images).argmax(1) == test.labels).mean()
    assert 100 * (before - after) <= points
    assert packed.ByteSize() <= {4: 0.15, 3: 0.12, 2: 0.09}[bits] * size
