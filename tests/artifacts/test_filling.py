"""A channel of zeros beside an image's three: the same answers and the same stored weights, by a shorter way."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgekit.artifacts.filling import filled, unfilled
from edgekit.artifacts.packing import pack
from edgekit.artifacts.read import layers, weights
from edgekit.artifacts.slim import slim
from edgekit.artifacts.write import write
from tests.artifacts.networks import arrays, encoding, example, quantized_convolution, run

IMAGES = (16, 3, 3, 3)


def integer(shape=IMAGES, bits=8):
    """A convolution on integers, its codes, and the graph of both."""
    form = encoding(shape, bits)
    return quantized_convolution(form), {"w": form}


def run_as(graph, folder):
    """The nodes that ONNX Runtime makes of a graph: kind -> shapes that they read first."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(folder / "optimised.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(graph.SerializeToString(), options)
    body = onnx.load(folder / "optimised.onnx").graph
    stored = {tensor.name: tuple(tensor.dims) for tensor in body.initializer}
    return {node.op_type: [stored.get(name) for name in node.input] for node in body.node}


@pytest.mark.parametrize("bits", [8, 4, 3])
def test_the_answers_are_the_same_bit_for_bit(bits, tmp_path):
    graph, forms = integer(bits=bits)
    path = write(graph, forms, tmp_path, "", None).path
    onnx.checker.check_model(path, full_check=True)
    assert "Pad" in {node.op_type for node in onnx.load(path).graph.node}
    images = example((5, 3, 8, 8))
    np.testing.assert_array_equal(run(onnx.load(path), images), run(graph, images))


def test_the_runtime_multiplies_integers_of_four_channels_and_pads_no_weights(tmp_path):
    graph, _ = integer()
    assert (16, 3, 3, 3) in run_as(graph, tmp_path)["QLinearConv"]
    ran = run_as(filled(graph), tmp_path)
    assert (16, 4, 3, 3) in ran["QLinearConv"]
    assert len([kind for kind in ran if kind == "Pad"]) == 1


def test_it_takes_few_bytes_and_the_stored_weights_stay(tmp_path):
    graph, forms = integer()
    assert filled(graph).ByteSize() - graph.ByteSize() < 200
    np.testing.assert_array_equal(arrays(filled(graph))["w"], arrays(graph)["w"])


@pytest.mark.parametrize("bits", [8, 4])
def test_what_a_file_says_of_its_layers_knows_nothing_of_it(bits, tmp_path):
    graph, forms = integer(bits=bits)
    plain = tmp_path / "plain.onnx"
    onnx.save(slim(pack(graph, forms)), plain)
    path = write(graph, forms, tmp_path, "", None).path
    assert layers(path) == layers(plain)
    assert layers(path)[0]["shape"] == list(IMAGES)
    np.testing.assert_array_equal(weights(path)["conv"], forms["w"].decode())


def test_without_it_the_graph_is_what_it_was():
    graph, _ = integer()
    assert unfilled(filled(graph)) == graph
    assert unfilled(graph) is graph


def test_a_pad_of_somebody_elses_stays():
    graph, _ = integer((16, 4, 3, 3))
    graph.graph.initializer.append(numpy_helper.from_array(np.array([0, 0, 0, 0, 0, 1, 0, 0]), "pads"))
    first = graph.graph.node[0]
    graph.graph.node.insert(0, helper.make_node("Pad", [first.input[0], "pads"], ["padded"]))
    graph.graph.node[1].input[0] = "padded"
    assert unfilled(graph) is graph


@pytest.mark.parametrize("shape", [(16, 1, 3, 3), (16, 2, 3, 3), (16, 4, 3, 3), (16, 5, 3, 3)])
def test_other_numbers_of_channels_are_left_alone(shape):
    graph, _ = integer(shape)
    assert filled(graph) is graph


def test_floats_and_wider_integers_are_left_alone():
    weight = numpy_helper.from_array(encoding(IMAGES, 8).decode(), "weight")
    image, made = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *sizes])
        for name, sizes in (("input", [3, 8, 8]), ("output", [16, 6, 6]))
    )
    body = helper.make_graph(
        [helper.make_node("Conv", ["input", "weight"], ["output"])], "g", [image], [made], [weight]
    )
    floats = helper.make_model(body, opset_imports=[helper.make_opsetid("", 21)])
    assert filled(floats) is floats
    graph, _ = integer()
    for tensor in graph.graph.initializer:
        if tensor.data_type == TensorProto.UINT8:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.uint16), tensor.name))
    assert filled(graph) is graph


def test_between_layers_on_integers_nothing_is_put():
    graph, _ = integer()
    first = graph.graph.node[0].input[0]
    graph.graph.node.insert(0, helper.make_node("MaxPool", ["before"], [first], kernel_shape=[1, 1]))
    graph.graph.node.insert(0, helper.make_node("DequantizeLinear", ["codes", "s", "z"], ["before"]))
    assert filled(graph) is graph
