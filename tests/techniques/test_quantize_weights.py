"""Low-bit weights: which bits each layer gets, and that the graph computes with exactly what the codes say."""

from dataclasses import replace

import numpy as np
import pytest

from edgekit.artifacts.packing import pack
from edgekit.core.errors import NothingToDo
from edgekit.core.technique import Fact
from edgekit.techniques.quantize_static import QuantizeStatic
from edgekit.techniques.quantize_weights import QuantizeWeights
from tests.techniques.benches import HOST, a_bench
from tests.techniques.graphs import SHAPES, a_graph, inputs, kernels, matrix, residual, run, values

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
        np.square(run(QuantizeWeights(bits=b, edge_bits=b).apply(residual(), BENCH).result, inputs()) - wanted).mean()
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
    for bits in (2, 3, 4):
        errors = [
            np.square(values(QuantizeWeights(bits=bits, edge_bits=2, clipping=c).apply(matrix(weight), BENCH).result)
                      ["fc.weight"] - weight).sum()
            for c in ("mse", "minmax")
        ]  # fmt: skip
        assert errors[0] < errors[1]


def test_pruned_weights_stay_zero():
    weight = np.random.default_rng(4).normal(0, 1, (8, 32))
    weight[weight < 0.5] = 0
    done = QuantizeWeights(bits=3, edge_bits=3).apply(matrix(weight), BENCH)
    assert (values(done.result)["fc.weight"][weight == 0] == 0).all()


def test_x86_without_vnni_gets_seven_bits_where_sums_could_overflow():
    avx2 = replace(BENCH, host=HOST.model_copy(update={"features": ("avx2",)}))
    done = QuantizeWeights(bits=8, activations="int8").apply(residual(), avx2)
    assert {encoding.bits for encoding in done.encodings.values()} == {7}
    assert done.changes[0].what.startswith("7 bits per weight")
    assert {e.bits for e in QuantizeWeights(bits=8).apply(residual(), avx2).encodings.values()} == {8}


def test_only_8_bit_activations_need_calibration_data():
    assert QuantizeWeights().needs == {Fact.FLOAT_WEIGHTS}
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
