"""Layer tables and weights, against counts made by hand, for every way in which a file may hold its weights."""

import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from edgekit.artifacts.export import export
from edgekit.artifacts.read import layers, stored_weight_bits, weights
from edgekit.artifacts.write import write
from edgekit.core.errors import ModelError
from edgekit.models.architectures.lenet5 import LeNet5
from edgekit.models.architectures.resnet import resnet8, resnet20
from tests.artifacts.networks import Branching, Shared, convolutional, encoding, example, rounded, seeded


def _written(graph: onnx.ModelProto, folder: Path, encodings: dict | None = None) -> Path:
    return Path(write(graph, encodings or {}, folder, "", None).path)


def _total(path: Path, key: str) -> int:
    return sum(row[key] for row in layers(path))


def test_lenet5_is_counted_as_in_the_paper(tmp_path):
    """Han et al. 2016, table 3: 500, 25 000, 400 000 and 5 000 weights; biases make it 431 080."""
    path = _written(export(LeNet5(), np.zeros((1, 1, 28, 28), np.float32)), tmp_path)
    rows = layers(path)
    assert [row["layer"] for row in rows] == ["conv1", "conv2", "fc1", "fc2"]
    assert [math.prod(row["shape"]) for row in rows] == [500, 25_000, 400_000, 5_000]
    assert [row["macs"] for row in rows] == [24 * 24 * 500, 8 * 8 * 25_000, 400_000, 5_000]
    assert [row["channels"] for row in rows] == [20, 50, 500, 10]
    assert _total(path, "params") == 431_080
    assert stored_weight_bits(path) == 32 * 430_500


def test_resnets_are_counted_as_in_their_papers(tmp_path):
    """He et al. 2016: 0.27 M and 41 M; Banbury et al. 2021: 78 k and 12.5 M."""
    image = np.zeros((1, 3, 32, 32), np.float32)
    for make, params, macs in [(resnet20, 271_690, 40_813_184), (resnet8, 77_706, 12_501_632)]:
        path = _written(export(make(), image), tmp_path)
        assert (_total(path, "params"), _total(path, "macs")) == (params, macs)


def test_convolutions_of_every_sort_are_counted(tmp_path):
    """Outputs × inputs per group × kernel; a transposed one counts its inputs instead."""
    rows = {row["layer"]: row for row in layers(_written(export(convolutional(), example()), tmp_path))}
    assert rows["0"]["macs"] == 6 * 6 * 8 * 27
    assert rows["3"]["macs"] == 4 * 4 * 8 * 9
    assert rows["5"]["macs"] == 4 * 4 * 8 * 6 * 4
    assert rows["8"]["macs"] == 384 * 5
    assert {name: row["kind"] for name, row in rows.items()} == {
        "0": "Conv", "3": "Conv", "5": "ConvTranspose", "8": "Gemm",
    }  # fmt: skip
    assert rows["5"]["channels"] == 6
    assert {name: row["groups"] for name, row in rows.items()} == {"0": 1, "3": 8, "5": 1, "8": 1}


def test_one_dimensional_convolutions_are_counted(tmp_path):
    network = seeded(nn.Sequential(nn.Conv1d(4, 6, 5, groups=2)))
    (row,) = layers(_written(export(network, example((1, 4, 20))), tmp_path))
    assert row["macs"] == 16 * 6 * 2 * 5


def test_a_linear_over_a_sequence_counts_every_position_and_its_bias(tmp_path):
    network = seeded(nn.Sequential(nn.Linear(6, 4)))
    (row,) = layers(_written(export(network, example((1, 5, 6))), tmp_path))
    assert (row["layer"], row["kind"], row["macs"], row["params"]) == ("0", "MatMul", 5 * 6 * 4, 28)


def test_normalisation_and_embeddings_have_parameters_and_no_macs(tmp_path):
    rows = layers(_written(export(seeded(Branching()), example()), tmp_path))
    assert [(row["kind"], row["params"], row["macs"]) for row in rows] == [
        ("Conv", 12, 3 * 3 * 64),
        ("BatchNormalization", 6, 0),
    ]


def test_what_layers_share_is_counted_once_in_the_total(tmp_path):
    path = _written(export(seeded(Shared()), example((1, 6))), tmp_path)
    assert [row["weight_bits"] for row in layers(path)] == [32 * 36] * 3
    assert stored_weight_bits(path) == 32 * 36


def test_attention_scores_are_a_layer_without_weights(tmp_path):
    class Scores(nn.Module):
        def forward(self, x):
            return x @ x.transpose(1, 2)

    (row,) = layers(_written(export(Scores(), example((1, 5, 6))), tmp_path))
    assert (row["kind"], row["params"], row["weight_bits"], row["channels"]) == ("MatMul", 0, 0, None)
    assert row["macs"] == 5 * 5 * 6


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_recurrent_layers_count_every_step(kind, tmp_path):
    class First(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = kind(6, 4, batch_first=True)

        def forward(self, x):
            return self.cell(x)[0]

    network = seeded(First())
    rows = [
        row for row in layers(_written(export(network, example((1, 5, 6))), tmp_path)) if row["kind"] == kind.__name__
    ]
    gates = 4 if kind is nn.LSTM else 3
    assert [row["macs"] for row in rows] == [5 * gates * 4 * (6 + 4)]
    assert [row["params"] for row in rows] == [sum(p.numel() for p in network.parameters())]


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("zeros", [False, True])
def test_packed_weights_are_read_as_their_codes_decode(bits, zeros, tmp_path):
    graph, encodings = rounded(convolutional(), bits, zeros=zeros)
    path = _written(graph, tmp_path, encodings)
    found = weights(path)
    for name, form in encodings.items():
        np.testing.assert_array_equal(found[name.removesuffix(".weight")], form.decode())
    for row in layers(path):
        form = encodings[f"{row['layer']}.weight"]
        planes = bits * 8 * math.ceil(form.codes.size / 8)
        scales = 32 * len(form.scale)
        places = 8 * bits if bits < 8 else 0
        assert row["weight_bits"] == planes + places + scales + (8 * len(form.scale) if zeros else 0)
        assert row["bits"] == bits
        assert row["zeros"] == pytest.approx((form.decode() == 0).mean())


def test_a_packed_file_has_the_macs_of_the_float_one(tmp_path):
    graph, encodings = rounded(convolutional(), 3)
    packed, plain = _written(graph, tmp_path, encodings), _written(graph, tmp_path)
    for key in ("macs", "params"):
        assert [row[key] for row in layers(packed)] == [row[key] for row in layers(plain)]


def _model(nodes: list, constants: dict[str, np.ndarray], given: list, result: list) -> onnx.ModelProto:
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    kind = TensorProto.FLOAT
    body = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info("input", kind, given)],
        [helper.make_tensor_value_info("output", kind, result)],
        tensors,
    )
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def test_half_precision_weights_take_sixteen_bits(tmp_path):
    weight = np.arange(12, dtype=np.float16).reshape(3, 4)
    nodes = [
        helper.make_node("Cast", ["w"], ["wf"], to=TensorProto.FLOAT),
        helper.make_node("Gemm", ["input", "wf"], ["output"], name="fc"),
    ]
    path = _written(_model(nodes, {"w": weight}, ["batch", 3], ["batch", 4]), tmp_path)
    (row,) = layers(path)
    assert (row["bits"], row["weight_bits"], row["zeros"]) == (16, 12 * 16, 1 / 12)
    assert (row["channels"], row["macs"]) == (4, 12)
    np.testing.assert_array_equal(weights(path)["fc"], weight.astype(np.float32))


def test_quantize_dequantize_pairs_are_read_through(tmp_path):
    form = encoding((4, 3, 3, 3), 8)
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s", "z"], ["wf"], axis=0),
        helper.make_node("DequantizeLinear", ["b", "bs"], ["bf"], axis=0),
        helper.make_node("Conv", ["input", "wf", "bf"], ["output"], name="conv"),
    ]
    constants = {
        "w": form.codes.astype(np.int8), "s": form.scale, "z": np.zeros(4, np.int8),
        "b": np.arange(4, dtype=np.int32), "bs": form.scale,
    }  # fmt: skip
    path = _written(_model(nodes, constants, ["batch", 3, 5, 5], ["batch", 4, 3, 3]), tmp_path)
    (row,) = layers(path)
    assert (row["params"], row["macs"]) == (4 * 27 + 4, 9 * 4 * 27)
    assert (row["bits"], row["weight_bits"]) == (8, 8 * 108 + 32 * 4 + 8 * 4)
    np.testing.assert_array_equal(weights(path)["conv"], form.decode())


def test_dynamically_quantized_layers_find_their_scale_and_bias_in_the_nodes_that_follow(tmp_path):
    """DynamicQuantizeLinear → MatMulInteger → Cast → Mul by both scales → Add, as ONNX Runtime's tool writes it."""
    codes = np.random.default_rng(0).integers(0, 256, (6, 4)).astype(np.uint8)
    scale, zero = np.float32([0.1, 0.2, 0.3, 0.4]), np.uint8([1, 2, 3, 4])
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["input"], ["q", "qs", "qz"]),
        helper.make_node("MatMulInteger", ["q", "w", "qz", "wz"], ["i"], name="fc"),
        helper.make_node("Mul", ["qs", "ws"], ["both"]),
        helper.make_node("Cast", ["i"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["f", "both"], ["m"]),
        helper.make_node("Add", ["m", "b"], ["output"]),
    ]
    constants = {"w": codes, "ws": scale, "wz": zero, "b": np.float32([1, 2, 3, 4])}
    path = _written(_model(nodes, constants, ["batch", 6], ["batch", 4]), tmp_path)
    (row,) = layers(path)
    assert (row["layer"], row["kind"], row["params"], row["macs"]) == ("fc", "MatMul", 28, 24)
    assert row["weight_bits"] == 8 * 24 + 32 * 4 + 8 * 4
    np.testing.assert_allclose(weights(path)["fc"], (codes.astype(np.float32) - zero) * scale, rtol=1e-6)


def test_integer_convolutions_are_read_too(tmp_path):
    codes = np.random.default_rng(0).integers(-128, 128, (4, 3, 1, 1)).astype(np.int8)
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["input"], ["q", "qs", "qz"]),
        helper.make_node("ConvInteger", ["q", "w", "qz"], ["i"], name="conv"),
        helper.make_node("Cast", ["i"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["qs", "ws"], ["both"]),
        helper.make_node("Mul", ["f", "both"], ["output"]),
    ]
    constants = {"w": codes, "ws": np.float32(0.5)}
    path = _written(_model(nodes, constants, ["batch", 3, 5, 5], ["batch", 4, 5, 5]), tmp_path)
    (row,) = layers(path)
    assert (row["kind"], row["params"], row["macs"], row["weight_bits"]) == ("Conv", 12, 300, 8 * 12 + 32)
    np.testing.assert_array_equal(weights(path)["conv"], codes * np.float32(0.5))


def test_layers_inside_a_function_are_found(tmp_path):
    function = onnx.parser.parse_function(
        '<domain: "custom", opset_import: ["" : 21]>\nDense (x, w) => (y) { y = MatMul(x, w) }'
    )
    nodes = [helper.make_node("Dense", ["input", "w"], ["output"], domain="custom")]
    graph = _model(nodes, {"w": np.ones((3, 4), np.float32)}, ["batch", 3], ["batch", 4])
    graph.functions.append(function)
    graph.opset_import.append(helper.make_opsetid("custom", 1))
    path = tmp_path / "function.onnx"
    onnx.save(graph, path)
    assert [(row["kind"], row["macs"]) for row in layers(path)] == [("MatMul", 12)]


def test_a_shape_that_is_not_known_gives_no_macs(tmp_path):
    weight = np.ones((4, 3, 3, 3), np.float32)
    nodes = [helper.make_node("Conv", ["input", "w"], ["output"], name="conv")]
    graph = _model(nodes, {"w": weight}, ["batch", 3, "height", "width"], ["batch", 4, "h", "w2"])
    assert [row["macs"] for row in layers(_written(graph, tmp_path))] == [None]


def test_shapes_that_depend_on_computed_lengths_are_seen_by_running_the_file_once(tmp_path):
    nodes = [
        helper.make_node("Shape", ["input"], ["shape"]),
        helper.make_node("Gather", ["shape", "one"], ["length"]),
        helper.make_node("Slice", ["table", "zero", "length", "zero"], ["positions"]),
        helper.make_node("MatMul", ["input", "positions"], ["output"]),
    ]
    graph = _model(nodes, {"table": np.ones((9, 7), np.float32)}, ["batch", 5], ["batch", 7])
    graph.graph.initializer.extend(
        numpy_helper.from_array(np.array([n]), name) for name, n in (("zero", 0), ("one", 1))
    )
    found = {row["kind"]: row["macs"] for row in layers(_written(graph, tmp_path))}
    assert found["MatMul"] == 5 * 7


def test_tables_belong_to_whoever_asked_for_them(tmp_path):
    path = _written(export(convolutional(), example()), tmp_path)
    layers(path)[0]["params"] = -5
    assert layers(path)[0]["params"] == 8 * 27 + 8


def test_a_file_that_is_not_there_is_refused(tmp_path):
    path = tmp_path / "missing.onnx"
    with pytest.raises(ModelError) as caught:
        layers(path)
    assert str(caught.value) == (f"an ONNX file must lie at {path}, but it cannot be read (No such file or directory).")


def test_a_file_that_is_no_onnx_file_is_refused(tmp_path):
    path = tmp_path / "text.onnx"
    path.write_text("not a network")
    with pytest.raises(ModelError) as caught:
        layers(path)
    assert str(caught.value) == f"{path} must be an ONNX file, but its 13 bytes are not one."


def test_constants_that_cannot_be_worked_out_are_refused(tmp_path):
    nodes = [
        helper.make_node("Reshape", ["w", "shape"], ["wr"]),
        helper.make_node("MatMul", ["input", "wr"], ["output"], name="fc"),
    ]
    constants = {"w": np.ones(12, np.float32), "shape": np.array([5, 5])}
    path = tmp_path / "broken.onnx"
    onnx.save(_model(nodes, constants, ["batch", 5], ["batch", 5]), path)
    with pytest.raises(ModelError) as caught:
        layers(path)
    text = str(caught.value)
    assert text.startswith(f"the constants of {path} must be ones that ONNX Runtime can work out, but it says: ")
    assert text.endswith(". Check the file with onnx.checker, and export it again.")
