"""Pruning weights that no network holds any more: codes by hand, and after every step that leaves a finished graph."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from edgekit.artifacts.read import layers, weights
from edgekit.artifacts.write import write
from edgekit.core.encoding import Codebook, Encoding
from edgekit.core.errors import NothingToDo
from edgekit.core.technique import Applied, Change, GraphTechnique
from edgekit.models.architectures.lenet5 import LeNet5
from edgekit.techniques.fuse_operators import FuseOperators
from edgekit.techniques.prune_weights import PruneWeights
from edgekit.techniques.quantize_dynamic import QuantizeDynamic
from edgekit.techniques.quantize_fp16 import QuantizeFp16
from edgekit.techniques.quantize_static import QuantizeStatic
from edgekit.techniques.quantize_weights import QuantizeWeights
from edgekit.techniques.share_weights import ShareWeights
from tests.techniques.benches import a_bench
from tests.techniques.graphs import SHAPES, a_graph, inputs, matrix, residual, run, values

GREY = (1, 28, 28)
BENCH = a_bench((3, 8, 8))
QUANTIZED = [
    QuantizeStatic(),
    QuantizeStatic(per_channel=False, activation_type="int8"),
    QuantizeWeights(bits=4),
    QuantizeWeights(bits=3, activations="int8"),
    QuantizeDynamic(),
    QuantizeDynamic(convolutions=True, per_channel=False),
    QuantizeFp16(),
    QuantizeFp16(skip=["block*"]),
    FuseOperators(),
]
SETTINGS = [{"sparsity": 0.7}, {"sparsity": 0.7, "scope": "per layer"}, {"pattern": "kernel"}]


def name_of(step: GraphTechnique) -> str:
    return ",".join([step.id(), *(f"{name}={value}" for name, value in step.settings().items())])


def pruned(graph: onnx.ModelProto, encodings: dict | None = None, **settings) -> Applied:
    return PruneWeights(**settings).apply_to_codes(graph, encodings or {}, BENCH)


def decoding(codes: list, scale: list, zero: list, dtype: type = np.int8) -> onnx.ModelProto:
    """One Gemm whose weight (out, in) a DequantizeLinear makes of codes, with a scale for each output."""
    outs, ins = np.shape(codes)
    graph = onnx.parser.parse_model(
        f"""<ir_version: 10, opset_import: ["" : 21]>
        one (float[batch, {ins}] input) => (float[batch, {outs}] output) {{
            decoded = DequantizeLinear <axis = 0> (codes, scale, zero)
            [fc] output = Gemm <transB = 1> (input, decoded)
        }}"""
    )
    stored = {"codes": np.array(codes, dtype), "scale": np.array(scale, np.float32), "zero": np.array(zero, dtype)}
    graph.graph.initializer.extend(onnx.numpy_helper.from_array(value, name) for name, value in stored.items())
    return graph


# By hand


def test_the_weights_nearest_to_zero_take_the_zero_point_whatever_their_codes():
    # Weights: 0.5 · (codes − 2) = [3, −1, 0.5, 4] and 0.1 · (codes + 1) = [0.9, 0.2, 1.1, −0.4]
    graph = decoding([[8, 0, 3, 10], [8, 1, 10, -5]], [0.5, 0.1], [2, -1])
    applied = pruned(graph, sparsity=0.5)
    assert values(applied.result)["codes"].tolist() == [[8, 0, 2, 10], [-1, -1, 10, -1]]
    assert applied.changes == [Change("fc", "4 of 8 weights are zero")]
    assert applied.encodings == {}


def test_unsigned_codes_have_their_zero_in_the_middle():
    graph = decoding([[128, 130, 120, 129]], [1.0], [128], np.uint8)
    assert values(pruned(graph, sparsity=0.5).result)["codes"].tolist() == [[128, 130, 120, 128]]


def test_an_encoding_is_replaced_and_the_graph_keeps_what_it_decodes_to():
    # Two inputs share a scale and a zero point: weights [1, −2, 30, −10] and [0.2, −0.4, 1, 3].
    before = Encoding(
        np.array([[2, -1, 3, -1], [1, -2, 1, 3]], np.int8),
        np.array([[1, 10], [0.2, 1]], np.float32), np.array([[1, 0], [0, 0]], np.int8), 3, 0, group=2,
    )  # fmt: skip
    applied = pruned(matrix(before.decode()), {"fc.weight": before}, sparsity=0.5)
    after = applied.encodings["fc.weight"]
    assert after.codes.tolist() == [[1, -1, 3, -1], [0, 0, 0, 3]]
    assert np.array_equal(values(applied.result)["fc.weight"], after.decode())
    assert after.decode().tolist() == [[0, -2, 30, -10], [0, 0, 0, 3]]


@pytest.mark.parametrize(
    ("book", "codes", "after"),
    [
        ([-3, 0, 1, 2], [[0, 1, 2, 3]], ([[0, 1, 1, 3]], [-3, 0, 1, 2], 2)),
        ([-3, 1, 2], [[0, 1, 1, 2]], ([[0, 3, 3, 2]], [-3, 1, 2, 0], 2)),
        ([-3, 1, 2, 4], [[0, 1, 1, 2]], ([[0, 4, 4, 2]], [-3, 1, 2, 4, 0], 3)),
    ],
)
def test_a_codebook_without_a_zero_gets_one(book: list, codes: list, after: tuple):
    before = Codebook(np.array(codes), np.array(book, np.float32), np.ones(1, np.float32), bits=2, axis=0)
    applied = pruned(matrix(before.decode()), {"fc.weight": before}, sparsity=0.5)
    found = applied.encodings["fc.weight"]
    assert (found.codes.tolist(), found.values.tolist(), found.bits) == after
    assert np.array_equal(values(applied.result)["fc.weight"], found.decode())


def test_a_codebook_with_all_values_that_a_code_can_name_is_left_alone():
    book = Codebook(np.arange(256).reshape(2, 128), np.arange(1, 257, dtype=np.float32), np.ones(1, np.float32), 8, 0)
    graph = matrix(book.decode())
    with pytest.raises(NothingToDo) as said:
        pruned(graph, {"fc.weight": book})
    assert str(said.value) == (
        "Magnitude pruning found no weight to zero at sparsity 0.5 with pattern none. "
        "Raise sparsity, skip fewer layers, or remove the step."
    )


def test_the_pattern_lies_along_the_inputs_of_a_transposed_matrix_too():
    graph = QuantizeDynamic(per_channel=False).apply(matrix(np.arange(1.0, 33).reshape(4, 8)), a_bench((8,))).result
    after = values(pruned(graph, pattern="2:4").result)["fc.weight"]  # (in, out)
    assert ((after.T.reshape(-1, 4) != 0) == [False, False, True, True]).all()


def test_layers_compare_by_how_much_of_their_own_layer_a_weight_is():
    # Shares of the squares that are not smaller: 1, 9/25, 1/30 and 4/29 in "a"; 9/86, 16/77, 25/61 and 1 in "b".
    graph = a_graph(
        """<ir_version: 10, opset_import: ["" : 21]>
        two (float[batch, 4] input) => (float[batch, 1] first, float[batch, 1] second) {
            [a] first = Gemm <transB = 1> (input, a__weight)
            [b] second = Gemm <transB = 1> (input, b__weight)
        }""",
        {"a.weight": np.array([[4, -3, 1, 2]]), "b.weight": np.array([[0.03, 0.04, 0.05, 0.06]])},
    )
    after = values(pruned(graph, sparsity=0.5).result)
    assert (after["a.weight"] != 0).tolist() == [[True, True, False, False]]
    assert (after["b.weight"] != 0).tolist() == [[False, False, True, True]]


# After every step that leaves a finished graph


@pytest.mark.parametrize("step", QUANTIZED, ids=name_of)
@pytest.mark.parametrize(
    "settings", [{"sparsity": 0.7}, {"sparsity": 0.7, "scope": "per layer"}, {"pattern": "kernel"}]
)
def test_the_file_stores_as_many_zeros_as_asked_for_and_keeps_every_other_weight(step, settings, tmp_path: Path):
    quantized = step.apply(residual(), BENCH)
    before = write(quantized.result, quantized.encodings, tmp_path, "", None)
    applied = pruned(quantized.result, quantized.encodings, **settings)
    after = write(applied.result, quantized.encodings | applied.encodings, tmp_path, "", None)
    assert applied.encodings.keys() == quantized.encodings.keys() & applied.encodings.keys()
    np.testing.assert_allclose(
        run(onnx.load(after.path), inputs()), run(applied.result, inputs()), rtol=1e-5, atol=1e-5
    )

    rows = {row["layer"]: row for row in layers(Path(after.path)) if row["layer"] in SHAPES}
    counted = {name: round(row["zeros"] * np.prod(row["shape"])) for name, row in rows.items()}
    told = {change.layer: int(change.what.split()[0]) for change in applied.changes if "left alone" not in change.what}
    assert counted == counted | told
    old, new = weights(Path(before.path)), weights(Path(after.path))
    for name in SHAPES:
        assert np.array_equal(new[name], np.where(new[name] == 0, 0, old[name]))
    already = sum(int((old[name] == 0).sum()) for name in SHAPES)
    total = sum(int(np.prod(shape)) for shape in SHAPES.values())
    if "pattern" not in settings and "scope" not in settings:
        assert sum(counted.values()) == max(round(0.7 * total), already)
    if settings.get("scope") == "per layer":
        assert all(counted[name] >= round(0.7 * int(np.prod(shape))) for name, shape in SHAPES.items())


@pytest.mark.parametrize("step", QUANTIZED, ids=name_of)
def test_pruning_twice_behind_a_quantization_is_nothing_to_do(step):
    quantized = step.apply(residual(), BENCH)
    once = pruned(quantized.result, quantized.encodings)
    with pytest.raises(NothingToDo):
        pruned(once.result, quantized.encodings | once.encodings)


def test_shared_weights_can_be_pruned_and_every_other_weight_keeps_its_value(tmp_path: Path):
    shared = ShareWeights(bits=3).apply(LeNet5().eval(), a_bench(GREY))
    before = weights(Path(write(shared.result, shared.encodings, tmp_path, "", None).path))
    applied = pruned(shared.result, shared.encodings, sparsity=0.9)
    after = write(applied.result, shared.encodings | applied.encodings, tmp_path, "", None)
    new = weights(Path(after.path))
    assert sum(int((weight == 0).sum()) for weight in new.values()) == round(0.9 * 430_500)
    for name, weight in new.items():
        assert np.array_equal(weight, np.where(weight == 0, 0, before[name]))
    images = inputs(8, GREY)
    np.testing.assert_allclose(run(onnx.load(after.path), images), run(applied.result, images), rtol=1e-5, atol=1e-5)


def test_skipped_layers_keep_their_codes():
    quantized = QuantizeStatic().apply(residual(), BENCH)
    codes = values(quantized.result)
    after = values(pruned(quantized.result, skip=["block.*"], sparsity=0.9).result)
    assert [np.array_equal(after[f"{name}.weight"], codes[f"{name}.weight"]) for name in SHAPES] == [
        False, True, True, False
    ]  # fmt: skip
