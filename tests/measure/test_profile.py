"""Time layer by layer: under the names that the layers have in the file, whatever the runtime made of them."""

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from edgekit.artifacts.export import export
from edgekit.measure import child
from edgekit.measure.profile import THE_REST, Operator, Profile, layer_times, owner_of_each, profile
from edgekit.models.architectures import build
from tests.measure.graphs import chain


@pytest.fixture(autouse=True)
def _nothing_left():
    yield
    child.dismiss()


def test_every_layer_of_a_residual_network_has_its_time(tmp_path):
    torch.manual_seed(0)
    network = build("resnet8").eval()
    path = tmp_path / "file.onnx"
    onnx.save(export(network, np.zeros((1, 3, 32, 32), np.float32)), path)
    times = layer_times(path)
    expected = [name for name, module in network.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert sorted(times) == sorted([*expected, THE_REST])
    assert all(times[name] > 0 for name in expected)
    assert times["stage1.0.conv1"] > times["fc"]


def test_a_layer_16_times_as_large_takes_longer(tmp_path):
    path = chain(tmp_path / "file.onnx", 2, width=256)
    model = onnx.load(path)
    wide = np.zeros((256, 4096), np.float32)
    model.graph.initializer[1].CopyFrom(onnx.numpy_helper.from_array(wide, "layer1.weight"))
    onnx.save(model, path)
    times = layer_times(path)
    assert list(times) == ["layer0", "layer1", THE_REST]
    assert times["layer1"] > 2 * times["layer0"]


def test_names_that_the_runtime_changed_find_their_layer():
    nodes = [
        onnx.helper.make_node("Conv", ["x"], ["a_out"], "block.conv1"),
        onnx.helper.make_node("Relu", ["a_out"], ["a_relu"], "relu1"),
        onnx.helper.make_node("Conv", ["a_relu"], ["b_out"], "block.conv2"),
        onnx.helper.make_node("Conv", ["x"], ["s_out"], "block.shortcut"),
        onnx.helper.make_node("Add", ["b_out", "s_out"], ["sum"], "add"),
        onnx.helper.make_node("Relu", ["sum"], ["out"], "relu2"),
        onnx.helper.make_node("Gemm", ["out"], ["y"], "fc"),
    ]
    graph = onnx.helper.make_graph(nodes, "test", [], [])
    layers = ["block.conv1", "block.conv2", "block.shortcut", "fc"]
    expected = {
        "a_relu_nchwc": "block.conv1",  # fused with its ReLU, named after the tensor
        "s_out_nchwc": "block.shortcut",
        "out_nchwc": "block.conv2",  # fused with addition and ReLU; the shortcut has a node of its own
        "fused fc": "fc",
        "ReorderOutput_token_6": THE_REST,
        "add": THE_REST,
    }
    assert owner_of_each(list(expected), graph, layers) == expected
    expected = {
        "block.conv1_token_4": "block.conv1",
        "block.conv2_quant": "block.conv2",
        "block.conv2_quant_scales_mul": "block.conv2",
        "block.conv10": THE_REST,
        "fc_MatMul_quant": "fc",
        "input_QuantizeLinear": THE_REST,
    }
    assert owner_of_each(list(expected), graph, layers) == expected


def test_kinds_layers_and_shares_are_sums_of_the_same_operators():
    found = Profile(
        ("conv", "fc"),
        (Operator("Conv", "conv", 3.0), Operator("ReorderInput", THE_REST, 1.0), Operator("Conv", "fc", 4.0)),
    )
    assert found.by_layer() == {"conv": 3.0, "fc": 4.0, THE_REST: 1.0}
    assert found.by_kind() == {"Conv": 7.0, "ReorderInput": 1.0}
    assert (found.reordering, found.converting) == (pytest.approx(1 / 8), 0.0)
    assert Profile((), ()).reordering == 0.0


def test_every_operator_that_ran_has_its_kind(tmp_path):
    found = profile(chain(tmp_path / "file.onnx", 2))
    assert set(found.by_kind()) <= {"MatMul", "Relu", "FusedMatMul", "Gemm", "FusedGemm"}
    assert sum(found.by_kind().values()) == pytest.approx(sum(found.by_layer().values()))
