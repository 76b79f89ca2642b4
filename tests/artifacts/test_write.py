"""The file that is written: same bytes every time, small, whole or not there at all."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgekit.artifacts.export import export
from edgekit.artifacts.packing import pack
from edgekit.artifacts.slim import slim
from edgekit.artifacts.write import write
from edgekit.models.architectures.lenet5 import LeNet5
from edgekit.models.architectures.resnet import resnet8, resnet20
from tests.artifacts.networks import arrays, convolutional, encoding, example, rounded, run


def test_the_artifact_names_the_bytes_on_disk(tmp_path):
    graph, encodings = rounded(convolutional(), 4)
    artifact = write(graph, encodings, tmp_path, "fingerprint", "parent")
    data = Path(artifact.path).read_bytes()
    assert artifact.sha256 == hashlib.sha256(data).hexdigest()
    assert artifact.bytes == len(data)
    assert Path(artifact.path).name == f"{artifact.sha256}.onnx"
    assert (artifact.recipe, artifact.parent, artifact.runtime) == ("fingerprint", "parent", "onnxruntime")


def test_the_same_network_and_codes_give_the_same_bytes(tmp_path):
    first = write(*rounded(convolutional(), 3), tmp_path / "a", "", None)
    second = write(*rounded(convolutional(), 3), tmp_path / "b", "", None)
    assert first.sha256 == second.sha256


def test_the_file_answers_as_the_graph_did(tmp_path):
    graph, encodings = rounded(convolutional(), 5, zeros=True)
    path = write(graph, encodings, tmp_path, "", None).path
    onnx.checker.check_model(path, full_check=True)
    np.testing.assert_array_equal(run(Path(path).read_bytes(), example()), run(graph, example()))


def test_a_write_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space left on device"):
        write(export(convolutional(), example()), {}, tmp_path, "", None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("make", "shape", "bits", "ratio"),
    [
        (LeNet5, (1, 1, 28, 28), 4, 0.15),
        (LeNet5, (1, 1, 28, 28), 2, 0.09),
        (resnet8, (1, 3, 32, 32), 4, 0.20),
        (resnet20, (1, 3, 32, 32), 4, 0.15),
    ],
)
def test_packed_files_are_as_small_as_their_bits_promise(make, shape, bits, ratio, tmp_path):
    graph = export(make(), np.zeros(shape, np.float32))
    encodings = {t.name: encoding(tuple(t.dims), bits) for t in graph.graph.initializer if len(t.dims) > 1}
    before = write(graph, {}, tmp_path, "", None).bytes
    for tensor in graph.graph.initializer:
        if tensor.name in encodings:
            tensor.CopyFrom(numpy_helper.from_array(encodings[tensor.name].decode(), tensor.name))
    assert write(graph, encodings, tmp_path, "", None).bytes <= ratio * before


def test_slimming_keeps_the_names_of_layers_inputs_and_outputs():
    graph = export(resnet8(), np.zeros((1, 3, 32, 32), np.float32))
    slimmed = slim(graph)
    layers = [node.name for node in graph.graph.node if node.op_type in ("Conv", "Gemm")]
    assert [node.name for node in slimmed.graph.node if node.name] == layers
    assert slimmed.graph.input == graph.graph.input
    assert slimmed.graph.output == graph.graph.output


def test_slimming_stores_equal_small_constants_once():
    graph = export(convolutional(), example())
    biases = [tensor for tensor in graph.graph.initializer if tensor.name in ("0.bias", "3.bias")]
    for tensor in biases:
        tensor.CopyFrom(numpy_helper.from_array(np.ones(8, np.float32), tensor.name))
    slimmed = slim(graph)
    assert len(slimmed.graph.initializer) == len(graph.graph.initializer) - 1
    np.testing.assert_array_equal(run(slimmed, example()), run(graph, example()))


def test_slimming_leaves_the_given_graph_alone():
    graph = export(convolutional(), example())
    before = graph.SerializeToString()
    slim(graph)
    assert graph.SerializeToString() == before


def test_layers_without_a_name_get_one_before_their_weights_lose_theirs():
    graph = export(convolutional(), example())
    for node in graph.graph.node:
        node.name = ""
    assert [node.name for node in slim(graph).graph.node if node.op_type == "Conv"] == ["0", "3"]


def test_a_graph_with_branches_keeps_its_names():
    """A branch may read a tensor of the graph around it by name."""
    kind = TensorProto.FLOAT
    result = helper.make_tensor_value_info("branch_result", kind, None)
    branch = helper.make_graph([helper.make_node("Neg", ["a_long_name"], ["branch_result"])], "branch", [], [result])
    nodes = [
        helper.make_node("Abs", ["input"], ["a_long_name"]),
        helper.make_node("If", ["yes"], ["output"], then_branch=branch, else_branch=branch),
    ]
    given = helper.make_tensor_value_info("input", kind, [2])
    output = helper.make_tensor_value_info("output", kind, [2])
    body = helper.make_graph(nodes, "g", [given], [output], [numpy_helper.from_array(np.array(True), "yes")])
    graph = helper.make_model(body, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    np.testing.assert_array_equal(run(slim(graph), np.float32([1, -2])), [-1, -2])


def test_names_cost_packed_files_almost_nothing():
    graph, encodings = rounded(convolutional(), 2)
    packed = slim(pack(graph, encodings))
    stored = sum(len(tensor.raw_data) for tensor in packed.graph.initializer)
    assert packed.ByteSize() - stored < 2500
    assert all(len(name) <= 2 for name in arrays(packed))
