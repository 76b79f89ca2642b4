"""Static 8-bit quantization: what is written, what ONNX Runtime makes of it, and what it costs in accuracy."""

from dataclasses import replace

import numpy as np
import onnx
import pytest

from edgekit.artifacts.export import export
from edgekit.core.errors import Cancelled, NothingToDo, SettingError
from edgekit.data import splits
from edgekit.models import samples
from edgekit.techniques._calibrate import watch
from edgekit.techniques._equalize import equalize, pairs
from edgekit.techniques._graph import weight_layers
from edgekit.techniques.quantize_static import QuantizeStatic
from tests.techniques.benches import HOST, a_bench
from tests.techniques.graphs import SHAPES, a_graph, inputs, kernels, residual, run, values

BENCH = replace(a_bench((3, 8, 8)), calibration=lambda n: inputs(n))
ARM = HOST.model_copy(update={"architecture": "aarch64", "features": ()})
AVX2 = HOST.model_copy(update={"features": ("avx2",)})


def quantized(graph: onnx.ModelProto | None = None, bench=BENCH, **settings) -> onnx.ModelProto:
    return QuantizeStatic(**settings).apply(graph or residual(), bench).result


def test_every_layer_sum_and_mean_runs_on_integers(tmp_path):
    assert kernels(quantized(), tmp_path) == {
        "QuantizeLinear": 1,  # the input
        "Transpose": 2,
        "QLinearConv": 3,
        "QLinearAdd": 1,
        "NhwcMaxPool": 1,
        "QLinearGlobalAveragePool": 1,
        "Flatten": 1,
        "QGemm": 1,
    }


@pytest.mark.parametrize("settings", [{"symmetric": True}, {"per_channel": False}, {"ranges": "mse"}])
def test_other_settings_leave_no_float_layer_either(tmp_path, settings):
    found = kernels(quantized(**settings), tmp_path)
    assert found["QLinearConv"] == 3
    assert not {"Conv", "Gemm", "Relu", "Add", "FusedConv"} & set(found)


def test_outputs_stay_close_and_the_file_is_valid():
    graph = quantized()
    onnx.checker.check_model(graph, full_check=True)
    wanted, got = run(residual(), inputs()), run(graph, inputs())
    assert np.abs(got - wanted).max() < 0.02 * np.abs(wanted).max()


def test_bias_codes_have_the_scale_of_the_sums_they_are_added_to():
    stored, original = values(quantized()), values(residual())
    for layer, tensor in {"stem": "input", "block.conv1": "b", "block.conv2": "d", "fc": "i"}.items():
        scale = stored[f"{tensor}_scale"] * stored[f"{layer}.weight_scale"]
        np.testing.assert_array_equal(stored[f"{layer}.bias_scale"], scale)
        assert stored[f"{layer}.bias"].dtype == np.int32
        np.testing.assert_allclose(stored[f"{layer}.bias"] * scale, original[f"{layer}.bias"], atol=scale.max() / 2)


def test_weights_are_int8_codes_with_one_scale_per_output_channel():
    stored, original = values(quantized()), values(residual())
    for layer, shape in SHAPES.items():
        codes, scale = stored[f"{layer}.weight"], stored[f"{layer}.weight_scale"]
        assert codes.dtype == np.int8
        assert scale.shape == (shape[0],)
        decoded = codes * scale.reshape(-1, *[1] * (len(shape) - 1))
        np.testing.assert_allclose(decoded, original[f"{layer}.weight"], atol=scale.max() / 2)


def test_ranges_are_what_the_float_graph_holds():
    held = watch(residual(), ["input", "g"], inputs(40), lambda fraction, what: None)
    stored = values(quantized(samples=40))
    assert stored["g_scale"] == pytest.approx(held["g"].high / 255)
    assert stored["g_zero"] == 0
    assert stored["input_scale"] == pytest.approx((held["input"].high - held["input"].low) / 255)


def test_calibration_sees_the_exact_extremes_and_an_even_sample_of_values():
    held = watch(residual(), ["input"], inputs(50), lambda fraction, what: None)["input"]
    assert (held.low, held.high) == (inputs(50).min(), inputs(50).max())
    assert np.isin(held.values, inputs(50)).all()
    assert held.values.mean() == pytest.approx(inputs(50).mean(), abs=0.03)


def test_what_calibration_saw_of_a_layers_inputs_is_recorded_beside_what_happened_to_it():
    rising = replace(
        BENCH, calibration=lambda n: np.linspace(0.1, 1, n, dtype=np.float32)[:, None, None, None] * inputs(1)
    )
    changes = {one.layer: one for one in QuantizeStatic(samples=10).apply(residual(), rising).changes}
    assert set(changes["stem"].numbers) == {"samples", "rare", "late"}
    assert changes["stem"].numbers["samples"] == 10
    assert changes["stem"].numbers["late"] == pytest.approx(0.5, abs=1e-6), "sample 5 is half as large as sample 10"
    assert QuantizeStatic(samples=1).apply(residual(), rising).changes[0].numbers["late"] == 1


def test_more_samples_than_there_are_take_what_there_are():
    few = replace(BENCH, calibration=lambda n: inputs(20)[:n])
    assert quantized(bench=few, samples=4096) == quantized(bench=few, samples=20)


def test_skipped_layers_stay_float(tmp_path):
    graph = quantized(skip=["stem", "fc"])
    stored = values(graph)
    assert stored["stem.weight"].dtype == stored["fc.bias"].dtype == np.float32
    assert stored["block.conv1.weight"].dtype == np.int8
    found = kernels(graph, tmp_path)
    assert (found["QLinearConv"], found["QLinearAdd"], found["Gemm"]) == (2, 1, 1)
    assert found["Conv"] + found["FusedConv"] == 1
    changes = QuantizeStatic(skip=["stem", "fc"]).apply(residual(), BENCH).changes
    assert [change.layer for change in changes] == ["block.conv1", "block.conv2"]


def test_a_layer_may_have_a_range_and_scales_of_its_own():
    stored, usual = values(quantized(layers={"stem": {"ranges": "mse", "per_channel": False}})), values(quantized())
    assert stored["stem.weight_scale"].shape == ()
    assert stored["b_scale"] < usual["b_scale"]
    assert stored["d_scale"] == usual["d_scale"]


def test_what_the_whole_network_shares_cannot_be_set_for_a_layer():
    with pytest.raises(SettingError) as refused:
        QuantizeStatic.make({"layers": {"conv*": {"samples": 8}}})
    assert str(refused.value) == (
        "Static 8-bit quantization: layers['conv*'] cannot hold samples, which the whole network shares; "
        "a layer may have its own ranges, percentile, per_channel, reduce_range"
    )


def test_changes_say_what_each_layer_puts_out():
    changes = {change.layer: change.what for change in QuantizeStatic().apply(residual(), BENCH).changes}
    assert list(changes) == list(SHAPES)
    assert changes["block.conv1"].startswith("int8 weights with a scale per channel; puts out uint8 from 0 to ")
    assert changes["block.conv2"].startswith("int8 weights with a scale per channel; puts out uint8 from -")
    assert changes["fc"] == "int8 weights with a scale per channel; puts out floats"


def test_arm_gets_signed_codes_for_activations():
    stored = values(quantized(bench=replace(BENCH, host=ARM)))
    assert stored["b_zero"].dtype == np.int8
    assert stored["b_zero"] == -128
    assert values(quantized(bench=replace(BENCH, host=ARM), activation_type="uint8"))["b_zero"].dtype == np.uint8


def test_x86_without_vnni_keeps_seven_bits_and_says_why():
    done = QuantizeStatic().apply(residual(), replace(BENCH, host=AVX2))
    stored = values(done.result)
    assert max(np.abs(stored[f"{layer}.weight"].astype(int)).max() for layer in SHAPES) == 63
    assert "(7 bits, because this processor has no VNNI and sums could overflow)" in done.changes[0].what
    whole = values(quantized(bench=replace(BENCH, host=AVX2), reduce_range="off"))
    assert np.abs(whole["stem.weight"].astype(int)).max() == 127
    assert np.abs(values(quantized(reduce_range="on"))["stem.weight"].astype(int)).max() == 63


def test_the_bias_of_a_channel_that_was_pruned_away_survives(tmp_path):
    graph = residual()
    weights = next(tensor for tensor in graph.graph.initializer if tensor.name == "stem.weight")
    pruned = values(graph)["stem.weight"].copy()
    pruned[3] = 0
    weights.CopyFrom(onnx.numpy_helper.from_array(pruned, "stem.weight"))
    wanted, done = run(graph, inputs()), quantized(graph)
    assert np.abs(run(done, inputs()) - wanted).max() < 0.02 * np.abs(wanted).max()
    assert kernels(done, tmp_path)["QLinearConv"] == 3


def test_an_output_that_comes_from_a_convolution_keeps_its_name(tmp_path):
    text = """<ir_version: 10, opset_import: ["" : 21]>
        g (float[batch, 3, 8, 8] input) => (float[batch, 8, 6, 6] output) {
            [stem] a = Conv(input, stem__weight)
            output = Relu(a)
        }"""
    graph = a_graph(text, {"stem.weight": values(residual())["stem.weight"]})
    wanted, done = run(graph, inputs()), quantized(graph)
    assert [output.name for output in done.graph.output] == ["output"]
    assert np.abs(run(done, inputs()) - wanted).max() < 0.02 * np.abs(wanted).max()
    assert kernels(done, tmp_path)["QLinearConv"] == 1


def test_layers_that_share_a_weight_share_its_codes():
    text = """<ir_version: 10, opset_import: ["" : 21]>
        g (float[batch, 4] input) => (float[batch, 4] output) {
            [first] a = Gemm <transB = 1> (input, w, b)
            b1 = Relu(a)
            [second] output = Gemm <transB = 1> (b1, w, b)
        }"""
    random = np.random.default_rng(2)
    graph = a_graph(text, {"w": random.normal(0, 1, (4, 4)), "b": random.normal(0, 1, 4)})
    bench = replace(BENCH, calibration=lambda n: inputs(n, (4,)))
    wanted = run(graph, inputs(64, (4,)))
    done = quantized(graph, bench)
    assert sum(node.op_type == "DequantizeLinear" and node.input[0] == "w" for node in done.graph.node) == 1
    assert np.abs(run(done, inputs(64, (4,))) - wanted).max() < 0.03 * np.abs(wanted).max()


def test_a_weight_that_a_skipped_layer_shares_stays_float():
    text = """<ir_version: 10, opset_import: ["" : 21]>
        g (float[batch, 4] input) => (float[batch, 4] output) {
            [first] a = Gemm <transB = 1> (input, w)
            [second] b = Gemm <transB = 1> (a, w)
            [third] output = Gemm <transB = 1> (b, v)
        }"""
    random = np.random.default_rng(2)
    graph = a_graph(text, {"w": random.normal(0, 1, (4, 4)), "v": random.normal(0, 1, (4, 4))})
    stored = values(quantized(graph, replace(BENCH, calibration=lambda n: inputs(n, (4,))), skip=["second"]))
    assert stored["w"].dtype == np.float32
    assert stored["v"].dtype == np.int8


def test_nothing_to_quantize_is_said():
    graph = a_graph("<ir_version: 10, opset_import: ['' : 21]> g (float[n, 4] input) => (float[n, 4] output) "
                    "{ output = Relu(input) }".replace("'", '"'), {})  # fmt: skip
    with pytest.raises(NothingToDo) as said:
        quantized(graph)
    assert str(said.value) == (
        "Static 8-bit quantization found no convolution or matrix product to quantize. "
        "Skip fewer layers, or remove the step."
    )


def test_cancel_stops_it_while_it_calibrates():
    def cancel(fraction: float, what: str) -> None:
        if "sample 2 of" in what:
            raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        quantized(bench=replace(BENCH, progress=cancel))


def test_lenet_loses_less_than_half_a_point():
    model, data = samples.load("lenet5-fashion"), splits.load("fashion-mnist")
    graph = export(model.network, np.zeros((1, *model.input_shape), np.float32))
    calibration = model.preprocessing(data.training.take(512).raw)
    test = data.evaluation.take(2000)
    images = model.preprocessing(test.raw)
    before = (run(graph, images).argmax(1) == test.labels).mean()
    bench = replace(BENCH, calibration=lambda n: calibration[:n])
    bytes_before = graph.ByteSize()
    done = quantized(graph, bench)
    after = (run(done, images).argmax(1) == test.labels).mean()
    assert before > 0.9
    assert before - after <= 0.005
    assert done.ByteSize() <= 0.27 * bytes_before


# Layers that share the differences between their channels


def test_equalised_layers_have_ranges_of_their_geometric_mean_and_compute_what_they_did():
    text = """<ir_version: 10, opset_import: ["" : 21]>
        g (float[batch, 2] input) => (float[batch, 1] output) {
            [first] a = Gemm <transB = 1> (input, first__weight, first__bias)
            b = Relu(a)
            [second] output = Gemm <transB = 1> (b, second__weight)
        }"""
    weights = {"first.weight": [[8, 0], [1, -2]], "first.bias": [4, 1], "second.weight": [[2, 8]]}
    graph = a_graph(text, {name: np.array(value, np.float32) for name, value in weights.items()})
    before = run(graph, inputs(16, (2,)))
    equalize(graph, pairs(graph, dict(weight_layers(graph))))
    stored = values(graph)
    np.testing.assert_allclose(stored["first.weight"], [[4, 0], [2, -4]])  # s = √(8/2), √(2/8)
    np.testing.assert_allclose(stored["first.bias"], [2, 2])
    np.testing.assert_allclose(stored["second.weight"], [[4, 4]])
    np.testing.assert_allclose(run(graph, inputs(16, (2,))), before, rtol=1e-5)


def test_only_layers_that_nothing_else_reads_are_equalised():
    graph = residual()
    found = [(first.name, second.name) for first, second in pairs(graph, dict(weight_layers(graph)))]
    assert found == [("block.conv1", "block.conv2")], "the stem is also added, and the sum is not the second alone"


def test_depthwise_layers_are_equalised_filter_by_filter():
    text = """<ir_version: 10, opset_import: ["" : 21]>
        g (float[batch, 3, 8, 8] input) => (float[batch, 5, 6, 6] output) {
            [expand] a = Conv(input, expand__weight, expand__bias)
            b = Relu(a)
            [depth] c = Conv <group = 4> (b, depth__weight, depth__bias)
            [project] output = Conv(c, project__weight)
        }"""
    random = np.random.default_rng(7)
    shapes = {"expand": (4, 3, 1, 1), "depth": (4, 1, 3, 3), "project": (5, 4, 1, 1)}
    weights = {f"{name}.weight": random.normal(0, 1, shape) for name, shape in shapes.items()}
    weights["expand.weight"] *= np.array([100, 1, 0.1, 10]).reshape(4, 1, 1, 1)
    graph = a_graph(text, weights | {f"{name}.bias": random.normal(0, 1, 4) for name in ("expand", "depth")})
    before = run(graph, inputs())
    equalize(graph, pairs(graph, dict(weight_layers(graph))))
    reach = [np.abs(values(graph)[f"{name}.weight"]).reshape(4, -1).max(1) for name in ("expand", "depth")]
    np.testing.assert_allclose(reach[0], reach[1], rtol=0.01)
    np.testing.assert_allclose(run(graph, inputs()), before, rtol=1e-3, atol=1e-3)


def test_equalising_helps_where_one_scale_must_serve_all_channels():
    graph = residual()
    stored = values(graph)
    factor = np.array([100, 1, 1, 1, 1, 1, 1, 0.01], np.float32)
    scaled = {
        "block.conv1.weight": stored["block.conv1.weight"] * factor.reshape(-1, 1, 1, 1),
        "block.conv1.bias": stored["block.conv1.bias"] * factor,
        "block.conv2.weight": stored["block.conv2.weight"] / factor.reshape(1, -1, 1, 1),
    }
    for tensor in graph.graph.initializer:
        if tensor.name in scaled:
            tensor.CopyFrom(onnx.numpy_helper.from_array(scaled[tensor.name], tensor.name))
    wanted, errors = run(graph, inputs()), []
    for switch in (False, True):
        twin = onnx.ModelProto()
        twin.CopyFrom(graph)
        errors.append(np.abs(run(quantized(twin, per_channel=False, equalize=switch), inputs()) - wanted).mean())
    assert errors[1] < 0.3 * errors[0]
    changes = QuantizeStatic(equalize=True).apply(residual(), BENCH).changes
    assert changes[1].what.endswith("; channels equalised with block.conv2")
    assert "equalised" not in changes[0].what


def test_corrected_biases_keep_the_mean_of_the_outputs():
    wanted = run(residual(), inputs()).mean(0)
    off = [
        np.abs(run(quantized(per_channel=False, reduce_range="on", bias_correction=switch), inputs()).mean(0) - wanted)
        for switch in (False, True)
    ]
    assert off[1].sum() < 0.6 * off[0].sum()


# 16 bits


def test_sixteen_bits_lose_almost_nothing_and_run_as_floats(tmp_path):
    graph = quantized(activation_type="uint16", weight_type="int16")
    onnx.checker.check_model(graph, full_check=True)
    stored = values(graph)
    assert stored["block.conv1.weight"].dtype == np.int16
    assert stored["b_zero"].dtype == np.uint16
    wanted = run(residual(), inputs())
    assert np.abs(run(graph, inputs()) - wanted).max() < 2e-4 * np.abs(wanted).max()
    assert kernels(graph, tmp_path)["Conv"] == 3


@pytest.mark.parametrize("settings", [{"activation_type": "uint16"}, {"weight_type": "int16"}], ids=str)
def test_one_kind_of_sixteen_bits_errs_less_than_eight(settings: dict):
    wanted = run(residual(), inputs())
    errors = [np.abs(run(quantized(**one), inputs()) - wanted).mean() for one in ({}, settings)]
    assert errors[1] < 0.95 * errors[0]


def test_a_graph_too_old_for_sixteen_bits_is_raised():
    old = onnx.version_converter.convert_version(residual(), 17)
    assert quantized(old, activation_type="uint16").opset_import[0].version == 21


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (
            {"activation_type": "uint16", "ranges": "entropy"},
            "ranges entropy reckons with 8-bit codes, not uint16; choose minmax, percentile or mse",
        ),
        (
            {"weight_type": "int16", "reduce_range": "on"},
            "reduce_range on is for 8-bit weights; set weight_type to int8, or reduce_range to auto",
        ),
    ],
)
def test_settings_that_contradict_sixteen_bits_are_refused(settings: dict, text: str):
    with pytest.raises(SettingError) as refused:
        QuantizeStatic.make(settings)
    assert text in str(refused.value)
