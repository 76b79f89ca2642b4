"""Fused operators: the same answers from fewer nodes, under the names that layers had, and an account of what went."""

from collections import Counter

import numpy as np
import onnx
import pytest
import torch

from edgekit.artifacts.export import export
from edgekit.artifacts.read import layers
from edgekit.artifacts.write import write
from edgekit.core.errors import NothingToDo
from edgekit.core.technique import Fact
from edgekit.models.architectures.vit import VisionTransformer
from edgekit.models.graphs import attribute
from edgekit.techniques.fuse_operators import OPTIMISERS, FuseOperators
from edgekit.techniques.quantize_static import QuantizeStatic
from tests.techniques.benches import a_bench
from tests.techniques.graphs import a_graph, inputs, kernels, matrix, residual, run, values

UNFUSED = """
<ir_version: 10, opset_import: ["" : 21]>
net (float[batch, 3, 8, 8] input) => (float[batch, 8] output) {
    six = Mul(two, three)
    [scaled] x = Mul(input, six)
    same = Identity(x)
    [conv1] a = Conv <pads = [1, 1, 1, 1]> (same, conv1__weight)
    b = BatchNormalization (a, bn1__weight, bn1__bias, bn1__mean, bn1__var)
    c = Relu(b)
    [conv2] d = Conv <pads = [1, 1, 1, 1]> (c, conv2__weight, conv2__bias)
    e = Mul(d, gain)
    f = Sigmoid(e)
    g = GlobalAveragePool(f)
    output = Flatten(g)
}
"""


def unfused() -> onnx.ModelProto:
    """Two convolutions, with normalisation, a factor, a constant product and an Identity between them."""
    random = np.random.default_rng(0)
    shapes = {"conv1.weight": (8, 3, 3, 3), "conv2.weight": (8, 8, 3, 3), "conv2.bias": (8,), "gain": (8, 1, 1)}
    weights = {name: random.normal(0, 0.3, shape) for name, shape in shapes.items()}
    weights |= {f"bn1.{part}": random.uniform(0.5, 1.5, 8) for part in ("weight", "bias", "mean", "var")}
    return a_graph(UNFUSED, weights | {"two": np.full(1, 2.0), "three": np.full(1, 3.0)})


def made(graph: onnx.ModelProto, **settings):
    copy = onnx.ModelProto.FromString(graph.SerializeToString())
    return FuseOperators(**settings).apply(copy, a_bench((3, 8, 8)))


def told(applied) -> list[tuple[str, str]]:
    return [(change.layer, change.what) for change in applied.changes]


def test_everything_is_fused_and_said():
    applied = made(unfused())
    assert told(applied) == [
        ("scaled", "Mul of constants worked out beforehand"),
        ("conv1", "Identity + Conv + BatchNormalization + Relu in one FusedConv"),
        ("conv2", "Conv + Mul + Sigmoid in one FusedConv"),
    ]
    assert [node.op_type for node in applied.result.graph.node] == [
        "Mul", "FusedConv", "FusedConv", "GlobalAveragePool", "Flatten"
    ]  # fmt: skip


@pytest.mark.parametrize("settings", [{}, {"level": "basic"}, *({switch: False} for switch in OPTIMISERS)], ids=str)
def test_the_answers_stay(settings):
    np.testing.assert_allclose(run(made(unfused(), **settings).result, inputs()), run(unfused(), inputs()), atol=1e-5)


def test_folded_weights_are_gain_times_weight_under_their_old_names():
    before = values(unfused())
    after = values(made(unfused(), level="basic").result)
    factor = before["bn1.weight"] / np.sqrt(before["bn1.var"] + 1e-5)
    np.testing.assert_allclose(after["conv1.weight"], before["conv1.weight"] * factor[:, None, None, None], rtol=1e-5)
    np.testing.assert_allclose(after["conv1.bias"], before["bn1.bias"] - before["bn1.mean"] * factor, rtol=1e-4)
    assert set(after) == {"conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias", "six"}


def test_each_switch_leaves_its_kind_alone():
    assert ("conv1", "Identity + Conv in one Conv") in told(made(unfused(), batch_norm=False))
    assert ("conv2", "Conv + Mul in one Conv") in told(made(unfused(), activations=False))
    assert "scaled" not in dict(told(made(unfused(), constants=False)))


def test_in_a_transformer_products_take_factors_and_activations_take_biases():
    torch.manual_seed(0)
    network = VisionTransformer(channels=1, size=8, patch=4, dim=8, depth=1, num_heads=2, hidden=8).eval()
    graph = export(network, np.zeros((1, 1, 8, 8), np.float32))
    product, gelu = told(made(graph))
    assert product == ("blocks.blocks.0.attention.Mul", "MatMul + Mul in one FusedMatMul")
    assert gelu[1] == "Add + Gelu in one BiasGelu"
    assert told(made(graph, activations=False)) == [product]
    assert told(made(graph, batch_norm=False)) == [gelu]


def test_level_basic_writes_standard_onnx_that_can_still_be_quantized(tmp_path):
    basic = made(unfused(), level="basic").result
    assert {node.domain for node in basic.graph.node} == {""}
    onnx.checker.check_model(basic, full_check=True)
    assert FuseOperators(level="basic").removes == set()
    assert kernels(QuantizeStatic().apply(basic, a_bench((3, 8, 8))).result, tmp_path)["QLinearConv"] == 2


def test_level_extended_is_for_onnx_runtime_alone_and_for_no_later_step():
    extended = made(unfused()).result
    assert {one.domain for one in extended.opset_import} == {"", "com.microsoft"}
    fused = next(node for node in extended.graph.node if node.op_type == "FusedConv")
    assert attribute(fused, "activation", b"") == b"Relu"
    assert FuseOperators().removes == {Fact.FLOAT_WEIGHTS, Fact.FLOAT_ACTIVATIONS}


def test_the_runtime_makes_the_same_of_both_files(tmp_path):
    (tmp_path / "fused").mkdir()
    assert kernels(made(residual()).result, tmp_path / "fused") == kernels(residual(), tmp_path)


def test_the_written_file_can_be_read_layer_by_layer(tmp_path):
    rows = layers(write(made(residual()).result, {}, tmp_path, "", None).path)
    plain = layers(write(residual(), {}, tmp_path, "", None).path)
    assert Counter((row["layer"], row["params"], row["macs"]) for row in rows) == Counter(
        (row["layer"], row["params"], row["macs"]) for row in plain
    )


def test_the_same_graph_gives_the_same_bytes():
    assert made(unfused()).result.SerializeToString() == made(unfused()).result.SerializeToString()


def test_a_weight_that_is_read_as_it_is_and_turned_stays_one(tmp_path):
    table = np.random.default_rng(0).normal(0, 1, (50, 8))
    tied = a_graph(
        """<ir_version: 10, opset_import: ["" : 21]>
        words (int64[batch, 4] input) => (float[batch, 4, 50] output) {
            a = Gather(words__weight, input)
            b = Relu(a)
            [turned] c = Transpose <perm = [1, 0]> (words__weight)
            [out] d = MatMul(b, c)
            output = Mul(d, half)
        }""",
        {"words.weight": table, "half": np.full(1, 0.5)},
    )
    asked = np.array([[3, 1, 4, 1], [5, 9, 2, 6]])
    fused = made(tied).result
    assert list(values(fused)) == ["words.weight"]
    assert [value.name for value in fused.graph.input] == ["input"]
    np.testing.assert_allclose(run(fused, asked), run(tied, asked), atol=1e-6)
    sizes = [write(graph, {}, tmp_path, "", None).bytes for graph in (tied, fused)]
    assert sizes[1] <= 1.1 * sizes[0]


def test_nothing_to_fuse_is_said():
    with pytest.raises(NothingToDo) as said:
        made(matrix(np.eye(3)))
    assert str(said.value) == (
        "Operator fusion found nothing to fuse at level extended with these switches; batch normalisation was folded "
        "by the export. Choose level extended, switch more on, or remove the step."
    )
