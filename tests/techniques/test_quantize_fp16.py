"""Half precision: what is stored in 16 bits, what stays, and that inputs and outputs do not notice."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from edgekit.core.errors import NothingToDo
from edgekit.techniques.quantize_fp16 import QuantizeFp16
from tests.techniques.benches import a_bench
from tests.techniques.graphs import a_graph, inputs, matrix, residual, run, values

BENCH = a_bench((3, 8, 8))


def test_every_weight_is_the_nearest_half_and_the_ends_stay_float32():
    graph = QuantizeFp16().apply(residual(), BENCH).result
    onnx.checker.check_model(graph, full_check=True)
    original = values(residual())
    for name, value in values(graph).items():
        assert value.dtype == np.float16
        np.testing.assert_array_equal(value, original[name].astype(np.float16))
    ends = [*graph.graph.input, *graph.graph.output]
    assert [(end.name, end.type.tensor_type.elem_type) for end in ends] == [("input", 1), ("output", 1)]


def test_outputs_agree_to_three_digits():
    wanted, got = run(residual(), inputs()), run(QuantizeFp16().apply(residual(), BENCH).result, inputs())
    assert got.dtype == np.float32
    assert np.abs(got - wanted).max() < 2e-3 * np.abs(wanted).max()


def test_activations_are_half_too():
    graph = onnx.shape_inference.infer_shapes(QuantizeFp16().apply(residual(), BENCH).result, strict_mode=True)
    kinds = {value.type.tensor_type.elem_type for value in graph.graph.value_info}
    assert kinds == {TensorProto.FLOAT16}


def test_a_skipped_layer_stays_float32_between_casts():
    done = QuantizeFp16(skip=["block.conv1"]).apply(residual(), BENCH)
    stored = values(done.result)
    assert {name for name, value in stored.items() if value.dtype == np.float32} == {
        "block.conv1.weight",
        "block.conv1.bias",
    }
    onnx.checker.check_model(done.result, full_check=True)
    assert [change.layer for change in done.changes] == ["stem", "block.conv2", "fc"]
    wanted = run(residual(), inputs())
    assert np.abs(run(done.result, inputs()) - wanted).max() < 2e-3 * np.abs(wanted).max()


def test_a_weight_shared_with_a_skipped_layer_is_stored_in_both():
    text = """<ir_version: 10, opset_import: ["" : 21]>
        g (float[batch, 4] input) => (float[batch, 4] output) {
            [first] a = Gemm(input, w)
            [second] output = Gemm(a, w)
        }"""
    graph = a_graph(text, {"w": np.random.default_rng(0).normal(0, 1, (4, 4))})
    wanted, x = run(graph, inputs(8, (4,))), inputs(8, (4,))
    done = QuantizeFp16(skip=["second"]).apply(graph, BENCH).result
    assert sorted(value.dtype.name for value in values(done).values()) == ["float16", "float32"]
    np.testing.assert_allclose(run(done, x), wanted, atol=2e-3 * np.abs(wanted).max())


def test_operators_with_a_type_of_their_own_stay_float32():
    text = """<ir_version: 10, opset_import: ["" : 21]>
        g (float[batch, 4] input) => (float[batch, 4] output) {
            [fc] a = Gemm(input, w)
            b = Cast <to = 6> (a)
            c = Cast <to = 1> (b)
            output = Add(a, c)
        }"""
    graph = a_graph(text, {"w": 2 * np.eye(4)})
    done = QuantizeFp16().apply(graph, BENCH).result
    onnx.checker.check_model(done, full_check=True)
    x = np.array([[0.5, 1, -1.5, 3.25]], np.float32)
    np.testing.assert_array_equal(run(done, x), 2 * x + np.trunc(2 * x))


def test_a_weight_beyond_the_largest_half_is_cut_and_named():
    done = QuantizeFp16().apply(matrix(np.array([[1e6, -1e6, 2.0]])), BENCH)
    assert values(done.result)["fc.weight"].tolist() == [[65504, -65504, 2]]
    assert done.changes[0].what == "16 bits per weight, 2 weights cut to ± 65,504"


def test_nothing_to_convert_is_said():
    with pytest.raises(NothingToDo) as said:
        QuantizeFp16(skip=["*"]).apply(residual(), BENCH)
    assert str(said.value) == ("Half precision found no layer to convert. Skip fewer layers, or remove the step.")
