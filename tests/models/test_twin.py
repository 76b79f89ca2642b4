"""Twins of uploaded files: they answer as the file does, their layers are ordinary ones under the file's own names."""

import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from onnx import helper
from torch import nn

from edgekit.artifacts.export import export
from edgekit.core.opset import opset
from edgekit.models.architectures import build, fresh
from edgekit.models.twin import twin
from edgekit.techniques._layers import weight_layers
from tests.models.uploads import (
    IMAGE,
    Sequences,
    a_file,
    by_pytorch,
    by_tf2onnx,
    in_constant_nodes,
    noise,
    of_file,
    of_network,
    sound,
)
from tests.techniques.graphs import residual

OURS = {"resnet8": (3, 32, 32), "lenet5": (1, 28, 28), "mobilenet_v2": (3, 32, 32), "ds_cnn": (1, 49, 10)}
OURS |= {"vit-tiny": (3, 32, 32)}


def ours(name: str) -> nn.Module:
    network = build(name) if name in ("resnet8", "lenet5", "vit-tiny") else fresh(name, 10, OURS[name], 0.25, seed=0)
    return network.eval()


def names(network: nn.Module) -> list[str]:
    return [name for name, _ in weight_layers(network)]


def agrees(network: nn.Module, graph: onnx.ModelProto, *inputs: np.ndarray) -> None:
    for got, wanted in zip(of_network(network, *inputs), of_file(graph, *inputs), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", OURS)
def test_our_own_exports_come_back_with_the_layers_that_they_were_made_of(name: str):
    network, shape = ours(name), OURS[name]
    graph = export(network, noise(1, *shape))
    found = twin(graph)
    assert names(found) == names(network)
    assert [type(module) for _, module in weight_layers(found)] == [
        type(module) for _, module in weight_layers(network)
    ]
    assert not found.training
    agrees(found, graph, noise(3, *shape))


@pytest.mark.parametrize("name", OURS)
def test_the_export_of_a_twin_answers_as_the_file_did_and_names_its_nodes_as_layers(name: str):
    shape = OURS[name]
    graph = export(ours(name), noise(1, *shape))
    again = export(twin(graph), noise(1, *shape))
    np.testing.assert_allclose(of_file(again, noise(3, *shape)), of_file(graph, noise(3, *shape)), rtol=1e-3, atol=1e-5)
    assert set(names(ours(name))) <= {node.name for node in again.graph.node}


@pytest.mark.parametrize("name", ["resnet8", "mobilenet_v2", "vit-tiny"])
def test_weights_that_pytorch_numbered_are_called_after_the_scopes_of_their_nodes(name: str):
    network, shape = ours(name), OURS[name]
    graph = by_pytorch(network, torch.from_numpy(noise(1, *shape)))
    assert any("::" in tensor.name for tensor in graph.graph.initializer)
    assert names(twin(graph)) == names(network)


def test_the_file_itself_and_the_random_state_stay_as_they_were():
    graph = residual()
    before, state = graph.SerializeToString(), torch.get_rng_state()
    twin(graph)
    assert graph.SerializeToString() == before
    assert torch.equal(state, torch.get_rng_state())


def test_weights_in_constant_nodes_are_layers_too():
    graph = in_constant_nodes(residual())
    found = twin(graph)
    assert names(found) == ["stem", "block.conv1", "block.conv2", "fc"]
    agrees(found, graph, noise(3, *IMAGE))


def test_transposes_of_tf2onnx_and_padding_on_one_side_are_kept():
    graph = by_tf2onnx()
    found = twin(graph)
    assert [(name, type(layer)) for name, layer in weight_layers(found)] == [
        ("model.conv2d", nn.Conv2d),
        ("model.dense", nn.Linear),
    ]
    agrees(found, graph, noise(3, 8, 8, 3))
    agrees(found, export(found, noise(1, 8, 8, 3)), noise(3, 8, 8, 3))


@pytest.mark.parametrize("free", [True, False])
@pytest.mark.parametrize("version", [9, 11, 13, 17, 20])
def test_one_dimensional_convolutions_of_every_opset(version: int, free: bool):
    graph = by_pytorch(sound(), torch.zeros(1, 13, 40), opset=version, free=free)
    assert opset(graph) == version
    found = twin(graph)
    assert [type(layer) for _, layer in weight_layers(found)] == [nn.Conv1d, nn.Conv1d, nn.Linear]
    inputs = noise(4, 13, 40)
    wanted = [of_file(graph, one)[0] for one in inputs[:, None]]
    np.testing.assert_allclose(of_network(found, inputs)[0], np.concatenate(wanted), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("version", [11, 13, 17, 20])
def test_a_sequence_of_words_with_its_mask_and_two_outputs(version: int):
    words, mask = torch.randint(0, 50, (2, 12)), torch.ones(2, 12, dtype=torch.int64)
    graph = by_pytorch(Sequences(), words, mask, opset=version)
    found = twin(graph)
    assert names(found) == ["hidden", "fc"]
    agrees(found, graph, *(one.repeat(2, 1).numpy() for one in (words, mask)))


def test_what_layers_compute_with_is_trained_and_what_shapes_them_is_not():
    words = torch.zeros(2, 12, dtype=torch.int64)
    found = twin(by_pytorch(Sequences(), words, words + 1))
    trained = {name for name, _ in found.named_parameters()}
    assert {"embedding.weight", "position", "token", "norm.weight"} <= trained
    found(words, words + 1)[0].sum().backward()
    assert all(parameter.grad is not None for parameter in found.parameters())
    assert all(not tensor.is_floating_point() or tensor.numel() == 1 for tensor in found.buffers())


def test_a_mask_of_infinities_is_no_weight():
    mask = np.where(np.tri(4), 0, -np.inf)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], "scores"),
        helper.make_node("Add", ["a", "mask"], ["b"], "masked"),
        helper.make_node("Softmax", ["b"], ["y"], "softmax"),
    ]
    found = twin(a_file(nodes, {"x": ["n", 4, 6]}, {"y": ["n", 4, 4]}, {"w": noise(6, 4), "mask": mask}))
    assert ([name for name, _ in found.named_parameters()], [name for name, _ in found.named_buffers()]) == (
        ["scores.weight"],
        ["mask"],
    )


def test_operators_of_opset_23_are_written_in_older_ones():
    graph = onnx.parser.parse_model("""<ir_version: 11, opset_import: ["" : 23]>
        new (float[n, 8, 6] x) => (float[n, 4] y) {
            axes = Constant <value_ints = [1]> ()
            [pool] z = AveragePool <kernel_shape = [1], dilations = [1]> (x)
            [cast] zz = Cast <to = 1, saturate = 1> (z)
            [gelu] a = Gelu (zz)
            [norm] b = GroupNormalization <num_groups = 2> (a, scale, bias)
            [halves] c, d = Split <axis = 2, num_outputs = 2> (b)
            [sum] e = Add (c, d)
            [largest] f = ReduceMax <keepdims = 0> (e, axes)
            [fc] y = Gemm (f, weight)
        }""")
    weights = {"scale": noise(8), "bias": noise(8), "weight": noise(3, 4)}
    graph.graph.initializer.extend(onnx.numpy_helper.from_array(one, name) for name, one in weights.items())
    found = twin(graph)
    assert names(found) == ["fc"]
    agrees(found, graph, noise(3, 8, 6))


def test_an_output_that_is_one_of_several_of_a_node_or_the_input_itself():
    nodes = [helper.make_node("Split", ["x"], ["a", "b"], "halves", axis=1)]
    graph = a_file(nodes, {"x": ["n", 4]}, {"b": ["n", 2], "x": ["n", 4]})
    agrees(twin(graph), graph, noise(3, 4))


def test_the_mask_of_a_dropout_is_left_out_where_nobody_reads_it():
    nodes = [helper.make_node("Dropout", ["x"], ["a", "mask"], "dropout"), helper.make_node("Relu", ["a"], ["y"])]
    graph = a_file(nodes, {"x": ["n", 3]}, {"y": ["n", 3]})
    agrees(twin(graph), graph, noise(2, 3))


def test_functions_of_a_file_are_written_out():
    graph = onnx.parser.parse_model("""<ir_version: 10, opset_import: ["" : 21, "own" : 1]>
        file (float[n, 4] x) => (float[n, 4] y) { [twice] y = own.Twice(x) }
        <domain: "own", opset_import: ["" : 21]>
        Twice (a) => (b) { b = Add(a, a) }""")
    agrees(twin(graph), graph, noise(3, 4))


@pytest.mark.parametrize("axes", [[1, 2], [-2, -1]])
def test_pieces_that_the_file_names_by_numbers(axes: list[int]):
    graph = onnx.parser.parse_model("""<ir_version: 10, opset_import: ["" : 17]>
        file (float[n, 5, 6] x) => (float[n, 2] y)
        <int64[2] starts = {1, -4}, int64[2] ends = {9223372036854775807, -1},
         int64[2] steps = {2, 1}, int64 last = {-1}> {
            a = Slice(x, starts, ends, axes, steps)
            y = Gather <axis = 2> (a, last)
        }""")
    graph.graph.initializer.append(onnx.numpy_helper.from_array(np.array(axes), "axes"))
    found = twin(graph)
    inputs = noise(3, 5, 6)
    np.testing.assert_array_equal(of_network(found, inputs)[0], inputs[:, 1::2, 2:5][:, :, -1])
    agrees(found, graph, inputs)


@pytest.mark.filterwarnings("ignore:For linear and cubic interpolation:UserWarning")  # onnx2torch doubts what we check
@pytest.mark.parametrize(
    ("mode", "places"),
    [("nearest", "asymmetric"), ("linear", "half_pixel"), ("linear", "align_corners"), ("cubic", "half_pixel")],
)
def test_an_image_is_enlarged_by_a_layer_of_torch_s_own_which_can_be_traced(mode: str, places: str):
    how = {"mode": mode, "coordinate_transformation_mode": places, "nearest_mode": "floor"}
    node = helper.make_node("Resize", ["x", "", "scales"], ["y"], "up", **how)
    scales = {"scales": np.array([1, 1, 2, 3])}
    graph = a_file([node], {"x": ["n", 3, 5, 4]}, {"y": ["n", 3, 10, 12]}, scales)
    found = twin(graph)
    assert type(found.up) is nn.Upsample
    agrees(found, graph, noise(2, 3, 5, 4))
    agrees(torch.export.export(found, (torch.from_numpy(noise(1, 3, 5, 4)),)).module(), graph, noise(1, 3, 5, 4))


def test_an_input_may_be_left_out_by_a_name_of_no_letters():
    graph = a_file([helper.make_node("Clip", ["x", "low", ""], ["y"], "floor")], {"x": ["n", 3]}, {"y": ["n", 3]})
    graph.graph.initializer.append(onnx.numpy_helper.from_array(np.float32(0.25), "low"))
    agrees(twin(graph), graph, noise(2, 3))


def test_an_opset_older_than_nine_is_raised():
    graph = residual()
    graph.opset_import[0].version = 8
    agrees(twin(graph), graph, noise(3, *IMAGE))


def test_a_batch_of_one_that_was_baked_into_a_reshape_becomes_free():
    shape = np.array([1, -1])
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Reshape", ["a", "shape"], ["b"]),
        helper.make_node("MatMul", ["b", "fc.weight"], ["y"]),
    ]
    graph = a_file(nodes, {"x": [1, 2, 3]}, {"y": [1, 4]}, {"fc.weight": noise(6, 4)})
    graph.graph.initializer.append(onnx.numpy_helper.from_array(shape, "shape"))
    inputs = noise(5, 2, 3)
    wanted = np.concatenate([of_file(graph, one)[0] for one in inputs[:, None]])
    np.testing.assert_allclose(of_network(twin(graph), inputs)[0], wanted, rtol=1e-3, atol=1e-5)


def test_a_product_on_three_axes_and_its_bias_are_one_linear_layer():
    nodes = [
        helper.make_node("Transpose", ["stored"], ["w"], "Transpose_3", perm=[1, 0]),
        helper.make_node("MatMul", ["x", "w"], ["a"], "/encoder/encoder.0/up/MatMul"),
        helper.make_node("Add", ["bias", "a"], ["y"], "/encoder/encoder.0/up/Add"),
    ]
    graph = a_file(nodes, {"x": ["n", 5, 6]}, {"y": ["n", 5, 4]}, {"stored": noise(4, 6), "bias": noise(1, 1, 4)})
    found = twin(graph)
    assert [(name, type(layer)) for name, layer in found.named_modules()][-1] == ("encoder.0.up", nn.Linear)
    np.testing.assert_array_equal(found.get_submodule("encoder.0.up").weight.detach(), noise(4, 6))
    agrees(found, graph, noise(3, 5, 6))


def test_names_that_python_or_torch_keep_for_themselves_or_that_hold_one_another_are_changed_a_little():
    nodes = [
        helper.make_node("MatMul", ["x", "train.weight"], ["a"], ""),
        helper.make_node("Mul", ["a", "train"], ["b"], "train.Mul"),
        helper.make_node("MatMul", ["b", "w"], ["c"], ""),
        helper.make_node("MatMul", ["c", "w"], ["d"], ""),
        helper.make_node("Relu", ["d"], ["y"], "not"),
    ]
    graph = a_file(
        nodes, {"x": ["n", 4]}, {"y": ["n", 4]}, {"train.weight": noise(4, 4), "train": noise(4), "w": noise(4, 4)}
    )
    found = twin(graph)
    assert [name for name, module in found.named_modules() if not list(module.children())] == [
        "train_", "train__Mul", "linear", "linear_2", "not_",
    ]  # fmt: skip
    assert "train__2" in dict(found.named_parameters())


def test_onnx2torch_is_imported_when_the_first_twin_is_asked_for():
    code = "import sys, edgekit.recipe, edgekit.models.twin; print({'onnx2torch', 'torchvision'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
