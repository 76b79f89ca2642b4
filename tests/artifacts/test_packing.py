"""Packed codes come back exactly, take as many bits as they say, and cost a plain session nothing once it is loaded."""

from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgekit.artifacts.decoding import planes
from edgekit.artifacts.export import export
from edgekit.artifacts.packing import pack
from edgekit.core.encoding import Codebook, Encoding, Stored
from edgekit.core.errors import ModelError
from edgekit.models.architectures.resnet import resnet8
from tests.artifacts.networks import (
    codebook,
    convolutional,
    encoding,
    example,
    grouped,
    quantized_convolution,
    rounded,
    run,
)

WIDTHS = range(2, 9)
NOTHING = np.zeros((), np.float32)
ODD_SHAPES = [(1,), (3,), (8,), (3, 3, 1), (5, 7), (2, 3, 5, 1), (16, 2, 3, 3)]


def _weight_alone(form: Stored, stored: np.ndarray) -> onnx.ModelProto:
    """A graph that only adds its input, a zero, to the weight."""
    weight = numpy_helper.from_array(stored, "w")
    nodes = [helper.make_node("Add", ["input", "w"], ["output"])]
    if stored.dtype == np.int8:
        steps = [
            numpy_helper.from_array(form.scale, "s"),
            numpy_helper.from_array(form.zero_point.astype(np.int8), "z"),
        ]
        nodes = [
            helper.make_node("DequantizeLinear", ["w", "s", "z"], ["f"], axis=form.axis),
            helper.make_node("Add", ["input", "f"], ["output"]),
        ]
    kind = TensorProto.FLOAT
    body = helper.make_graph(
        nodes,
        "alone",
        [helper.make_tensor_value_info("input", kind, [])],
        [helper.make_tensor_value_info("output", kind, stored.shape)],
        [weight] + (steps if stored.dtype == np.int8 else []),
    )
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("shape", ODD_SHAPES)
@pytest.mark.parametrize("zeros", [False, True])
def test_the_runtime_gets_exactly_what_the_codes_decode_to(bits, shape, zeros):
    form = encoding(shape, bits, zeros=zeros)
    packed = pack(_weight_alone(form, form.decode()), {"w": form})
    onnx.checker.check_model(packed, full_check=True)
    np.testing.assert_array_equal(run(packed, NOTHING), form.decode())


@pytest.mark.parametrize("bits", WIDTHS)
def test_codes_that_feed_a_dequantizer_come_back_exactly(bits):
    form = encoding((6, 5, 3), bits, axis=1, zeros=True)
    packed = pack(_weight_alone(form, form.codes.astype(np.int8)), {"w": form})
    np.testing.assert_array_equal(run(packed, NOTHING), form.decode())


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_scales_run_along_the_axis_of_the_encoding(axis):
    form = encoding((4, 5, 6), 3, axis=axis, zeros=True)
    np.testing.assert_array_equal(run(pack(_weight_alone(form, form.decode()), {"w": form}), NOTHING), form.decode())


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("zeros", [False, True])
def test_groups_of_inputs_are_scaled_by_themselves(bits, axis, zeros):
    form = grouped((4, 6, 8), bits, 6 if axis == 2 else 4, axis=axis, zeros=zeros)
    packed = pack(_weight_alone(form, form.decode()), {"w": form})
    onnx.checker.check_model(packed, full_check=True)
    np.testing.assert_array_equal(run(packed, NOTHING), form.decode())


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("scaled", [False, True])
def test_codebooks_are_looked_up(bits, axis, scaled):
    form = codebook((4, 6, 9), bits, axis=axis, scaled=scaled)
    packed = pack(_weight_alone(form, form.decode()), {"w": form})
    onnx.checker.check_model(packed, full_check=True)
    np.testing.assert_array_equal(run(packed, NOTHING), form.decode())


def test_a_codebook_may_hold_fewer_values_than_its_bits_can_tell_apart():
    form = codebook((5, 7), 3, count=5)
    packed = pack(_weight_alone(form, form.decode()), {"w": form})
    np.testing.assert_array_equal(run(packed, NOTHING), form.decode())
    assert max(len(t.raw_data) for t in packed.graph.initializer) == 5 * 4


@pytest.mark.parametrize("bits", WIDTHS)
def test_a_code_takes_as_many_bits_as_it_says(bits):
    form = encoding((10, 40), bits)
    packed = pack(_weight_alone(form, form.decode()), {"w": form})
    codes = max((t for t in packed.graph.initializer), key=lambda t: len(t.raw_data))
    assert 8 * len(codes.raw_data) == 400 * bits


def test_planes_hold_the_bits_of_twos_complement_lowest_first():
    """−4 … 3 in three bits: 100 101 110 111 000 001 010 011."""
    found = planes(np.arange(-4, 4), 3)
    assert found.shape == (3, 1, 1)
    assert [f"{plane:08b}"[::-1] for plane in found.ravel()] == ["01010101", "00110011", "11110000"]


def _optimised(graph: onnx.ModelProto, path) -> Counter:
    """The operators that a session with default options runs."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 3  # it warns that the optimised file is for this machine
    onnxruntime.InferenceSession(graph.SerializeToString(), options)
    return Counter(node.op_type for node in onnx.load(path).graph.node)


def _in_groups(shape: tuple[int, ...], bits: int) -> Encoding:
    return grouped(shape, bits, shape[1])


def _looked_up(shape: tuple[int, ...], bits: int) -> Codebook:
    return codebook(shape, bits, scaled=bool(bits % 2))


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("form", [encoding, _in_groups, _looked_up])
def test_packed_float_weights_run_as_the_same_operators_as_float_ones(form, bits, tmp_path):
    network = resnet8()
    graph = export(network, np.zeros((1, 3, 32, 32), np.float32))
    encodings = {t.name: form(tuple(t.dims), bits) for t in graph.graph.initializer if len(t.dims) > 1}
    for tensor in graph.graph.initializer:
        if tensor.name in encodings:
            tensor.CopyFrom(numpy_helper.from_array(encodings[tensor.name].decode(), tensor.name))
    packed = pack(graph, encodings)
    assert _optimised(packed, tmp_path / "packed.onnx") == _optimised(graph, tmp_path / "plain.onnx")
    inputs = example((2, 3, 32, 32))
    np.testing.assert_array_equal(run(packed, inputs), run(graph, inputs))


@pytest.mark.parametrize("bits", WIDTHS)
def test_packed_codes_under_8_bit_activations_run_as_integer_convolutions(bits, tmp_path):
    form = encoding((8, 3, 3, 3), bits)
    graph = quantized_convolution(form)
    packed = pack(graph, {"w": form})
    operators = _optimised(packed, tmp_path / "packed.onnx")
    assert operators["QLinearConv"] == 1
    assert operators == _optimised(graph, tmp_path / "plain.onnx")
    np.testing.assert_array_equal(run(packed, example()), run(graph, example()))


def test_eight_bit_codes_under_8_bit_activations_stay_as_they_are():
    form = encoding((8, 3, 3, 3), 8)
    graph = quantized_convolution(form)
    assert pack(graph, {"w": form}) == graph


def test_a_graph_without_encodings_is_copied_as_it_is():
    graph = export(convolutional(), example())
    packed = pack(graph, {})
    assert packed == graph
    assert packed is not graph


def test_the_graph_that_is_packed_stays_untouched():
    graph, encodings = rounded(convolutional(), 4)
    before = graph.SerializeToString()
    pack(graph, encodings)
    assert graph.SerializeToString() == before


def test_layers_keep_their_names_and_all_widths_share_the_functions_that_are_used():
    graph, encodings = rounded(convolutional(), 4)
    other = {name: encoding(e.codes.shape, 3, zeros=True) for name, e in list(encodings.items())[:1]}
    for tensor in graph.graph.initializer:
        if tensor.name in other:
            tensor.CopyFrom(numpy_helper.from_array(other[tensor.name].decode(), tensor.name))
    packed = pack(graph, encodings | other)
    names = [node.name for node in graph.graph.node]
    assert [node.name for node in packed.graph.node if node.domain != "edgekit"] == names
    assert [function.name for function in packed.functions] == ["Centred", "Codes", "Scaled"]


def test_codes_that_are_not_the_graphs_weights_are_our_own_bug():
    graph, encodings = rounded(convolutional(), 4)
    name = next(iter(encodings))
    wrong = encoding(encodings[name].codes.shape, 4, seed=99)
    with pytest.raises(AssertionError, match=f"^{name} is not what its codes decode to$"):
        pack(graph, {name: wrong})


def test_an_older_graph_is_raised_to_the_opset_that_unpacking_needs():
    form = encoding((4, 3), 4)
    graph = _weight_alone(form, form.decode())
    graph.opset_import[0].version = 13
    packed = pack(graph, {"w": form})
    assert packed.opset_import[0].version == 18
    np.testing.assert_array_equal(run(packed, NOTHING), form.decode())


def test_a_graph_that_cannot_be_raised_is_refused():
    form = encoding((4, 3), 4)
    graph = _weight_alone(form, form.decode())
    graph.opset_import[0].version = 13
    graph.graph.node[0].op_type = "Unknown"
    with pytest.raises(ModelError) as caught:
        pack(graph, {"w": form})
    text = str(caught.value)
    assert text.startswith("packing needs ONNX opset 18 or newer; this graph has 13 and could not be raised: ")
    assert text.endswith(". Export it again with a newer opset.")
