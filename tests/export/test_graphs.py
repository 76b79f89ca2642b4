"""Widened and floated graphs compute what the file does; integers stay integers, and a folded ReLU comes back."""

import numpy as np
import onnx
import pytest

from edgekit.artifacts.unpacking import DOMAIN
from edgekit.core.errors import ExportError
from edgekit.export.graphs import floated, is_integer, stuck, widened
from tests.export.runs import FOUR_BITS, INTEGERS, graph, saved
from tests.techniques.graphs import a_graph, run

pytestmark = pytest.mark.usefixtures("own_store")


def images(count: int = 8) -> np.ndarray:
    return np.random.default_rng(0).random((count, 1, 28, 28), np.float32)


def test_packed_codes_become_ordinary_tensors_and_the_answers_stay(tmp_path):
    packed = graph(saved(tmp_path, FOUR_BITS))
    wide = widened(packed)
    assert packed.functions
    assert not wide.functions
    assert all(node.domain != DOMAIN for node in wide.graph.node)
    np.testing.assert_allclose(run(wide, images()), run(packed, images()), atol=1e-5)


def test_packed_codes_of_a_file_of_integers_become_8_bit_integers(tmp_path):
    packed = graph(saved(tmp_path, f"{FOUR_BITS},activations=int8"))
    wide = widened(packed)
    large = [tensor for tensor in wide.graph.initializer if np.prod(tensor.dims) > 1000]  # weights, and no scales
    assert {tensor.data_type for tensor in large} == {onnx.TensorProto.INT8}
    np.testing.assert_allclose(run(wide, images()), run(packed, images()), atol=1e-5)


def test_a_file_of_integers_made_floats_answers_nearly_the_same(tmp_path):
    integers = graph(saved(tmp_path, INTEGERS))
    floats = floated(integers)
    assert is_integer(integers)
    assert not is_integer(floats)
    before, after = run(integers, images()), run(floats, images())
    assert (before.argmax(1) == after.argmax(1)).all()
    assert np.abs(after - before).max() < 0.1 * np.abs(before).max()


@pytest.mark.parametrize(
    ("scale", "zero", "along"),
    [
        ("float scale = {0.5}", "int8 zero = {1}", ""),
        ("float[2] scale = {0.5, 2}", "int8[2] zero = {1, 1}", "<axis = -1>"),
    ],
)
def test_a_table_of_words_that_is_looked_up_as_integers_becomes_one_of_floats(scale, zero, along):
    text = f"""<ir_version: 10, opset_import: ["" : 21]> g (int64[n] input) => (float[n, 2] output)
        <{scale}, {zero}, int8[3, 2] words = {{1, 3, 5, 7, 9, 11}}>
        {{ row = Gather(words, input)
          x = DequantizeLinear{along}(row, scale, zero)
          output = Add(x, one) }}"""
    integers = a_graph(text, {"one": np.ones(1)})
    floats = floated(integers)
    assert {tensor.data_type for tensor in floats.graph.initializer} == {onnx.TensorProto.FLOAT}
    given = np.array([2, 0])
    assert run(floats, given).tolist() == run(integers, given).tolist()
    assert run(floats, given)[0, 0] == 5.0


@pytest.mark.parametrize("operator", ["MatMul", "Sub"])
def test_a_relu_that_rounding_stood_in_for_comes_back(operator):
    text = f"""<ir_version: 10, opset_import: ["" : 21]> g (float[n, 2] input) => (float[n, 2] output)
        <float scale = {{0.5}}, uint8 zero = {{0}}>
        {{ y = {operator}(input, weight)
          q = QuantizeLinear(y, scale, zero)
          output = DequantizeLinear(q, scale, zero) }}"""
    weight = {"MatMul": np.eye(2), "Sub": np.zeros(2)}[operator]  # which change nothing
    rounded = a_graph(text, {"weight": weight.astype(np.float32)})
    given = np.float32([[-3.0, 2.2]])
    assert run(rounded, given).tolist() == [[0.0, 2.0]]
    assert run(floated(rounded), given).tolist() == [[0.0, np.float32(2.2)]]


def test_operators_of_which_no_floats_can_be_made_are_named(tmp_path):
    dynamic = graph(saved(tmp_path, "quantize_dynamic"))
    with pytest.raises(ExportError) as refused:
        floated(dynamic)
    assert str(refused.value) == stuck(dynamic)
    assert str(refused.value) == (
        "this format starts from floats, and this file holds DynamicQuantizeLinear, MatMulInteger, of which no "
        "floats can be made. Export a run that ends before that step, or one quantized with quantize_static."
    )


def test_half_precision_becomes_single(tmp_path):
    half = graph(saved(tmp_path, "quantize_fp16"))
    whole = floated(half)
    assert onnx.TensorProto.FLOAT16 not in {tensor.data_type for tensor in whole.graph.initializer}
    np.testing.assert_allclose(run(whole, images()), run(half, images()), atol=0.05)
