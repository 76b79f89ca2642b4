"""Dynamic 8-bit quantization: which layers, which kernels, which codes."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch

from edgekit.core.errors import NothingToDo, SettingError
from edgekit.models.architectures import build
from edgekit.techniques.quantize_dynamic import QuantizeDynamic
from tests.techniques.benches import HOST, a_bench
from tests.techniques.graphs import inputs, kernels, matrix, residual, run, values

BENCH = a_bench((3, 8, 8))


@pytest.mark.parametrize(
    "settings",
    [{}, {"weight_type": "uint8"}, {"per_channel": False}, {"convolutions": True, "per_channel": False}],
)
def test_outputs_stay_close_and_the_file_is_valid(settings):
    graph = QuantizeDynamic(**settings).apply(residual(), BENCH).result
    onnx.checker.check_model(graph, full_check=True)
    wanted = run(residual(), inputs())
    assert np.abs(run(graph, inputs()) - wanted).max() < 0.03 * np.abs(wanted).max()


def test_only_matrix_products_by_default_each_in_one_fused_kernel(tmp_path):
    done = QuantizeDynamic().apply(residual(), BENCH)
    assert [change.layer for change in done.changes] == ["fc"]
    found = kernels(done.result, tmp_path)
    assert found["DynamicQuantizeMatMul"] == 1
    assert found["Conv"] + found["FusedConv"] == 3
    assert values(done.result)["stem.weight"].dtype == np.float32


def test_convolutions_are_stored_unsigned_when_asked_for(tmp_path):
    done = QuantizeDynamic(convolutions=True).apply(residual(), BENCH)
    stored = values(done.result)
    assert stored["stem.weight"].dtype == np.uint8
    assert stored["fc.weight"].dtype == np.int8
    assert stored["zero_of_unsigned"] == 128
    assert kernels(done.result, tmp_path)["ConvInteger"] == 3
    assert done.changes[0].what == "uint8 weights with a scale per channel; inputs rounded batch by batch"


def test_codes_decode_to_the_weights_within_half_a_step():
    weight = np.random.default_rng(0).normal(0, 1, (6, 10)).astype(np.float32)
    for kind, zero in (("int8", 0), ("uint8", 128)):
        stored = values(QuantizeDynamic(weight_type=kind).apply(matrix(weight), BENCH).result)
        assert stored["fc.weight"].dtype == kind
        assert stored["fc.weight"].shape == (10, 6), "inputs first, as the integer operator wants it"
        scale = stored["fc.weight_scale"]  # (out,)
        np.testing.assert_allclose((stored["fc.weight"].astype(int) - zero) * scale, weight.T, atol=scale.max() / 2)


def test_inputs_that_two_layers_share_are_rounded_once():
    graph = QuantizeDynamic(convolutions=True, skip=["block.conv1", "block.conv2"]).apply(residual(), BENCH).result
    rounded = [node.input[0] for node in graph.graph.node if node.op_type == "DynamicQuantizeLinear"]
    assert len(rounded) == len(set(rounded)) == 2


def test_every_named_node_has_a_name_of_its_own():
    graph = QuantizeDynamic(convolutions=True).apply(residual(), BENCH).result
    names = [node.name for node in graph.graph.node if node.name]
    assert len(names) == len(set(names))
    assert {"stem", "block.conv1", "block.conv2", "fc"} <= set(names)


def test_x86_without_vnni_keeps_signed_codes_to_seven_bits():
    avx2 = replace(BENCH, host=HOST.model_copy(update={"features": ("avx2",)}))
    done = QuantizeDynamic().apply(residual(), avx2)
    assert np.abs(values(done.result)["fc.weight"].astype(int)).max() == 63
    assert "no VNNI" in done.changes[0].what
    unsigned = values(QuantizeDynamic(weight_type="uint8").apply(residual(), avx2).result)["fc.weight"]
    assert np.abs(unsigned.astype(int) - 128).max() == 127


def test_recurrent_weights_are_stored_as_integers_and_computed_with_as_floats():
    network = build("gru", 5, (6, 4)).eval()
    series = torch.randn(3, 6, 4)
    bench = a_bench((6, 4))
    done = QuantizeDynamic().apply(bench.export(network), bench)
    onnx.checker.check_model(done.result, full_check=True)
    assert [change.layer for change in done.changes] == ["fc", "from_input", "from_state"]
    stored = values(done.result)
    for name in ("from_input.weight", "from_state.weight"):
        weight = network.get_parameter(name).detach().numpy()
        decoded = stored[name] * stored[f"{name}_scale"]
        assert stored[name].dtype == np.int8
        assert (np.abs(decoded - weight) <= np.abs(weight).max(1, keepdims=True) / 254 + 1e-7).all()
    wanted = network(series).detach().numpy()
    assert np.abs(run(done.result, series.numpy()) - wanted).max() < 0.03 * np.abs(wanted).max()


def test_recurrent_weights_can_be_left_alone():
    bench = a_bench((6, 4))
    graph = bench.export(build("gru", 5, (6, 4)).eval())
    left = QuantizeDynamic(skip=["from_*"]).apply(graph, bench)
    assert [change.layer for change in left.changes] == ["fc"]


def test_a_network_of_convolutions_alone_is_told_what_to_do():
    with pytest.raises(NothingToDo) as said:
        QuantizeDynamic(skip=["fc"]).apply(residual(), BENCH)
    assert str(said.value) == (
        "Dynamic 8-bit quantization found no matrix product to convert. Set convolutions to convert those, "
        "skip fewer layers, or remove the step; quantize_static makes convolutions fast."
    )


def test_convolutions_are_chosen_for_the_whole_network():
    with pytest.raises(SettingError) as refused:
        QuantizeDynamic.make({"layers": {"conv1": {"convolutions": True}}})
    assert str(refused.value) == (
        "Dynamic 8-bit quantization: layers['conv1'] cannot hold convolutions, which the whole network shares; "
        "a layer may have its own per_channel, weight_type"
    )
