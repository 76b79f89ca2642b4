"""Low-bit weights: which bits each layer gets, and that the graph computes with exactly what the codes say."""

from dataclasses import replace

import numpy as np
import pytest

from edgekit.artifacts.export import export
from edgekit.artifacts.packing import pack
from edgekit.core.encoding import Codebook
from edgekit.core.errors import NothingToDo, SettingError
from edgekit.core.technique import Fact
from edgekit.data import splits
from edgekit.models import samples
from edgekit.techniques._levels import choose, powers
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
    done = QuantizeWeights(bits=3, activations="int8", rounding="nearest").apply(residual(), BENCH)
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


# What weights may become


def test_a_group_of_its_own_scale_errs_less():
    weight = (RANDOM.normal(0, 1, (4, 64)) * np.repeat([1, 0.1], 32)).astype(np.float32)
    errors = []
    for group in (0, 32):
        levels = choose(weight, 3, "mse", group=group)
        errors.append(np.square(levels.nearest(weight) * levels.at(levels.scale) - weight)[:, 32:].sum())
    assert errors[1] < 0.2 * errors[0]
    assert choose(weight, 3, "mse", group=32).scale.shape == (4, 2)


def test_a_zero_point_lets_positive_weights_use_every_code():
    levels = choose(np.array([[0.0, 1.0, 2.0, 3.0]], np.float32), 2, "minmax", symmetric=False)
    assert levels.scale.tolist() == [[1.0]]
    stored = levels.stored(levels.nearest(np.array([[0.0, 1.0, 2.0, 3.0]])), (1, 4), 0)
    assert stored.codes.tolist() == [[-2, -1, 0, 1]]
    assert stored.zero_point.tolist() == [-2]
    assert stored.decode().tolist() == [[0, 1, 2, 3]]


def test_powers_of_two_are_those_of_the_paper():
    assert powers(2).tolist() == [-1, 0, 1]
    assert powers(3).tolist() == [-1, -0.5, -0.25, 0, 0.25, 0.5, 1]
    # 4 bits after the sign: {0, 1, 1/4, 1/16} + {0, 1/2, 1/8, 1/32}, over their largest sum, 3/2
    assert sorted(set(np.abs(powers(5)) * 1.5)) == pytest.approx(
        sorted({a + b for a in (0, 1, 1 / 4, 1 / 16) for b in (0, 1 / 2, 1 / 8, 1 / 32)})
    )


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("values", ["kmeans", "powers"])
def test_a_codebook_has_no_more_values_than_codes(bits: int, values: str):
    weight = RANDOM.normal(0, 1, (8, 100)).astype(np.float32)
    weight[:, :10] = 0
    levels = choose(weight, bits, "mse", values=values)
    stored = levels.stored(levels.nearest(weight), (8, 100), 0)
    assert len(stored.values) <= 2**bits
    assert stored.codes.max() < len(stored.values)
    assert (stored.decode()[:, :10] == 0).all()


def test_k_means_errs_least_where_weights_come_in_clumps():
    clumps = np.array([-1.0, -0.1, 0.02, 0.7], np.float32)
    weight = clumps[RANDOM.integers(0, 4, (2, 50))]
    weight[:, :4] = clumps
    levels = choose(weight, 2, "mse", values="kmeans")
    got = levels.nearest(weight) * levels.scale
    assert np.abs(got - weight).max() < 0.15
    uniform = choose(weight, 2, "mse")
    assert np.square(got - weight).sum() < 0.3 * np.square(uniform.nearest(weight) * uniform.scale - weight).sum()


@pytest.mark.parametrize(
    "settings",
    [
        {"group_size": 24},
        {"symmetric": False},
        {"group_size": 24, "symmetric": False},
        {"values": "kmeans"},
        {"values": "powers"},
        {"values": "powers", "rounding": "nearest"},
        {"values": "kmeans", "rounding": "reconstructed", "rounds": 10},
        {"group_size": 24, "symmetric": False, "rounding": "reconstructed", "rounds": 10},
        {"symmetric": False, "rounding": "adaround", "rounds": 10},
    ],
    ids=str,
)
@pytest.mark.parametrize("bits", [2, 4])
def test_whatever_weights_may_become_the_packed_graph_computes_with_it(bits: int, settings: dict):
    done = QuantizeWeights(bits=bits, **settings).apply(residual(), BENCH)
    for name, encoding in done.encodings.items():
        np.testing.assert_array_equal(values(done.result)[name], encoding.decode())
    assert isinstance(done.encodings["block.conv1.weight"], Codebook) == ("values" in settings)
    packed = pack(done.result, done.encodings)
    np.testing.assert_allclose(run(packed, inputs()), run(done.result, inputs()), rtol=1e-4, atol=1e-5)


def test_a_group_that_does_not_divide_a_layers_inputs_is_said():
    changes = QuantizeWeights(group_size=24, edge_bits=4).apply(residual(), BENCH).changes
    assert [change.what for change in changes] == [
        "4 bits per weight, a scale per channel, as 24 does not divide its 27 inputs",
        "4 bits per weight, a scale per 24 weights",
        "4 bits per weight, a scale per 24 weights",
        "4 bits per weight, a scale per channel, as 24 does not divide its 8 inputs",
    ]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (
            {"group_size": 32, "activations": "int8"},
            "group_size 32 cannot go with activations int8: integer products need evenly spaced symmetric weights with "
            "one scale per channel. Set activations to float",
        ),
        (
            {"symmetric": False, "values": "kmeans", "activations": "int8"},
            "symmetric False and values kmeans cannot go with activations int8: integer products need evenly spaced "
            "symmetric weights with one scale per channel. Set activations to float",
        ),
        ({"group_size": 8}, "group_size must be 0, for a scale per channel, or from 16 to 256; got 8"),
        (
            {"group_size": 32, "values": "powers"},
            "values powers go with one scale per channel and no zero points, not group_size 32",
        ),
        (
            {"rounding": "adaround", "values": "kmeans"},
            "rounding adaround needs evenly spaced values, not kmeans; try reconstructed",
        ),
        (
            {"layers": {"fc": {"rounding": "adaround"}}},
            "layers['fc'] cannot have rounding 'adaround' in a network with rounding 'compensated'; a layer may have "
            "'nearest' or what the network has",
        ),
    ],
)
def test_settings_that_cannot_go_together_are_refused(settings: dict, text: str):
    with pytest.raises(SettingError) as refused:
        QuantizeWeights.make(settings)
    assert text in str(refused.value)


def test_seven_bits_and_transposed_convolutions_are_rounded_without_calibration():
    def refuse(n: int) -> np.ndarray:
        raise AssertionError("asked for calibration data")

    without = replace(BENCH, calibration=refuse)
    QuantizeWeights(bits=7).apply(residual(), without)
    QuantizeWeights(bits=4, rounding="nearest").apply(residual(), without)
    text = """<ir_version: 10, opset_import: ["" : 21]>
        g (float[batch, 4, 8, 8] input) => (float[batch, 2, 10, 10] output) {
            [up] output = ConvTranspose(input, up__weight)
        }"""
    transposed = a_graph(text, {"up.weight": RANDOM.normal(0, 1, (4, 2, 3, 3))})
    done = QuantizeWeights(bits=4, edge_bits=4).apply(transposed, without)
    assert done.encodings["up.weight"].bits == 4


@pytest.mark.parametrize(("bits", "points"), [(4, 0.5), (3, 1.5), (2, 4.0)])
def test_lenet_keeps_its_accuracy_at_a_fraction_of_its_size(bits: int, points: float):
    model, data = samples.load("lenet5-fashion"), splits.load("fashion-mnist")
    graph = export(model.network, np.zeros((1, *model.input_shape), np.float32))
    calibration, test = model.preprocessing(data.training.take(128).raw), data.evaluation.take(2000)
    images = model.preprocessing(test.raw)
    before = (run(graph, images).argmax(1) == test.labels).mean()
    size = graph.ByteSize()
    done = QuantizeWeights(bits=bits).apply(graph, replace(BENCH, calibration=lambda n: calibration[:n]))
    packed = pack(done.result, done.encodings)
    after = (run(packed, images).argmax(1) == test.labels).mean()
    assert 100 * (before - after) <= points
    assert packed.ByteSize() <= {4: 0.15, 3: 0.12, 2: 0.09}[bits] * size
