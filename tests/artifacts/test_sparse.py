"""Weights with many zeros are stored without them, come back exactly, and run as if nothing had been left out."""

import math

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgekit.artifacts.decoding import Steps, codes, spread
from edgekit.artifacts.export import export
from edgekit.artifacts.packing import pack
from edgekit.artifacts.read import layers, stored_weight_bits, weights
from edgekit.artifacts.write import write
from edgekit.core.encoding import Codebook, Encoding
from edgekit.models.architectures.lenet5 import LeNet5
from tests.artifacts.networks import arrays, codebook, encoding, example, grouped, quantized_convolution, run
from tests.techniques.graphs import kernels

NOTHING = np.zeros((), np.float32)
SHAPE = (40, 5, 3, 7)
REPEATED = 32
SHARES = [0.1, 0.3, 0.5, 0.8, 0.9, 0.97, 0.999]


def zeroed(shape: tuple[int, ...], share: float, seed: int = 0) -> np.ndarray:
    """True for this share of an array, at random."""
    return np.random.default_rng(seed).random(shape) < share


def sparse(form: Encoding | Codebook, share: float) -> Encoding | Codebook:
    """The same form with this share of its codes 0."""
    codes = np.where(zeroed(form.codes.shape, share), 0, form.codes)
    return type(form)(**{**form.__dict__, "codes": codes})


def alone(value: np.ndarray) -> onnx.ModelProto:
    """A graph that adds its input to a float version of the constant "w"."""
    nodes = [
        helper.make_node("Cast", ["w"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["input", "f"], ["output"]),
    ]
    body = helper.make_graph(
        nodes,
        "alone",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, value.shape)],
        [numpy_helper.from_array(value, "w")],
    )
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def lenet(share: float) -> onnx.ModelProto:
    """LeNet-5 with this share of every layer's weights at zero."""
    graph = export(LeNet5(), np.zeros((1, 1, 28, 28), np.float32))
    for tensor in graph.graph.initializer:
        if len(tensor.dims) > 1:
            value = np.where(zeroed(tuple(tensor.dims), share), 0, numpy_helper.to_array(tensor))
            tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
    return graph


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("kind", [np.float32, np.float16, np.int8, np.uint8])
def test_plain_weights_of_every_type_come_back_exactly_and_take_less_room(kind, share):
    full = np.random.default_rng(0).integers(1, 100, SHAPE).astype(kind)
    value = np.where(zeroed(SHAPE, share), 0, full).astype(kind)
    packed = pack(alone(value), {})
    onnx.checker.check_model(packed, full_check=True)
    np.testing.assert_array_equal(run(packed, NOTHING), value.astype(np.float32))
    if share >= 0.8:
        assert packed.ByteSize() < 2200 + value.nbytes * (1 - share) + value.size / 8


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("make", [encoding, lambda shape, bits: grouped(shape, bits, 15), codebook])
def test_codes_without_their_zeros_decode_to_the_same_weights(make, bits, share):
    form = sparse(make(SHAPE, bits), share)
    packed = pack(alone(form.decode()), {"w": form})
    onnx.checker.check_model(packed, full_check=True)
    np.testing.assert_array_equal(run(packed, NOTHING), form.decode())


def test_few_zeros_are_stored_as_any_other_weight():
    value = np.where(zeroed(SHAPE, 0.01), 0, 1.5).astype(np.float32)
    assert pack(alone(value), {}) == alone(value)


def test_a_small_tensor_is_not_worth_the_functions():
    value = np.zeros((8, 8), np.float32)
    value[0, 0] = 1
    assert pack(alone(value), {}) == alone(value)


def test_weights_that_are_all_zero_are_left_alone():
    assert pack(alone(np.zeros(SHAPE, np.float32)), {}) == alone(np.zeros(SHAPE, np.float32))


def test_inputs_of_the_graph_stay_where_a_caller_can_replace_them():
    graph = alone(np.where(zeroed(SHAPE, 0.9), 0, 1).astype(np.float32))
    graph.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, SHAPE))
    assert pack(graph, {}) == graph


def test_a_graph_too_old_for_unpacking_keeps_its_zeros():
    graph = alone(np.where(zeroed(SHAPE, 0.9), 0, 1).astype(np.float32))
    graph.opset_import[0].version = 13
    assert pack(graph, {}) == graph


def test_the_places_of_many_are_a_mask():
    found = stored_places([2, 5, 9, 14, 15], 16)
    assert found["w.mask"].ravel().tolist() == [0b00100100, 0b11000010] * REPEATED


def test_the_places_of_few_are_gaps():
    """2, 20 and 46 of 64: with 4 low bits 2, 4 and 14, and 0, 1 and 2 times 16 before them, which is 1, 0 1, 0 1."""
    found = stored_places([2, 20, 46], 64)
    assert found["w.near_worth"].tolist() == [[1, 2, 4, 8]]
    near = np.unpackbits(found["w.near"][:, :, 0], axis=1, bitorder="little")
    assert near[:, :6].T.tolist() == [[0, 1, 0, 0], [0, 0, 1, 0], [0, 1, 1, 1]] * 2
    far = np.unpackbits(found["w.far"], bitorder="little")
    assert far[:13].tolist() == [1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 0]


def stored_places(places: list[int], size: int) -> dict[str, np.ndarray]:
    """The constants that tell where values lie, over and over again."""
    values, steps = np.zeros(size, np.float32), Steps("w")
    values[places] = 1
    spread(steps, np.tile(values, REPEATED))
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in steps.constants}


def test_the_most_frequent_code_is_left_out_and_those_above_it_move_down():
    values = np.full(2048, 3)
    values[[5, 40]] = 2, 7
    steps = Steps("w")
    codes(steps, values, 3, False, True)
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in steps.constants}
    assert found["w.rest"].tolist() == [3]
    assert found["w.codes"].ravel().tolist() == [0b00, 0b11, 0b10], "2 and 6"


def test_integers_around_a_zero_point_are_sparse_too():
    value = np.where(zeroed(SHAPE, 0.9), 131, np.random.default_rng(0).integers(0, 256, SHAPE)).astype(np.uint8)
    packed = pack(alone(value), {})
    assert packed.ByteSize() < 0.75 * value.nbytes
    np.testing.assert_array_equal(run(packed, NOTHING), value.astype(np.float32))


def test_ternary_weights_take_one_bit_and_their_places():
    shape = (300, 300)
    codes = np.where(zeroed(shape, 0.5), 0, np.random.default_rng(0).choice([-1, 1], shape))
    form = Encoding(codes, np.ones(300, np.float32), np.zeros(300, int), bits=2, axis=0)
    tensors = arrays(pack(alone(form.decode()), {"w": form}))
    assert tensors["w.codes"].shape == (1, math.ceil(np.count_nonzero(codes) / 8), 1)
    assert tensors["w.mask"].nbytes == 90_000 / 8


@pytest.mark.parametrize("share", [0.6, 0.92])
def test_the_runtime_runs_the_same_operators_as_on_an_unpacked_file(share, tmp_path):
    graph = lenet(share)
    packed = pack(graph, {})
    assert kernels(packed, tmp_path) == kernels(graph, tmp_path)
    image = np.random.default_rng(0).random((3, 1, 28, 28)).astype(np.float32)
    np.testing.assert_array_equal(run(packed, image), run(graph, image))


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_sparse_codes_under_8_bit_activations_run_as_integer_convolutions(bits, tmp_path):
    form = sparse(encoding((64, 32, 3, 3), bits), 0.9)
    graph = quantized_convolution(form)
    packed = pack(graph, {"w": form})
    assert packed.ByteSize() < 0.6 * 64 * 32 * 9
    operators = kernels(packed, tmp_path)
    assert operators["QLinearConv"] == 1
    assert operators == kernels(graph, tmp_path)
    inputs = example((1, 32, 8, 8))
    np.testing.assert_array_equal(run(packed, inputs), run(graph, inputs))


def test_a_pruned_network_is_smaller_on_disk_and_read_as_it_was(tmp_path):
    graph = lenet(0.92)
    path = write(graph, {}, tmp_path, "", None)
    dense = 4 * 431_080
    assert path.bytes < dense / 9
    rows = layers(path.path)
    assert [row["layer"] for row in rows] == ["conv1", "conv2", "fc1", "fc2"]
    assert [row["params"] for row in rows] == [520, 25_050, 400_500, 5_010]
    assert all(row["bits"] == 32 and row["zeros"] == pytest.approx(0.92, abs=0.05) for row in rows)
    for name, value in weights(path.path).items():
        np.testing.assert_array_equal(value, arrays(graph)[f"{name}.weight"])
    assert stored_weight_bits(path.path) / 8 == pytest.approx(path.bytes, rel=0.05)


def test_a_codebook_is_read_with_its_size(tmp_path):
    graph = lenet(0)
    form = sparse(codebook((500, 800), 4, scaled=True), 0.9)
    for tensor in graph.graph.initializer:
        if tensor.name == "fc1.weight":
            tensor.CopyFrom(numpy_helper.from_array(form.decode(), tensor.name))
    rows = {row["layer"]: row for row in layers(write(graph, {"fc1.weight": form}, tmp_path, "", None).path)}
    assert (rows["fc1"]["bits"], rows["fc1"]["clusters"], rows["fc2"]["clusters"]) == (4, 16, None)
    assert rows["fc1"]["weight_bits"] < 400_000 * 1.01
