"""Files that no network can be made of: each is refused with what stands in its way, and with what to do."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from edgekit.core.errors import ModelError
from edgekit.models._twin_check import check, difference
from edgekit.models.twin import twin
from tests.artifacts.networks import encoding, quantized_convolution
from tests.models.uploads import Sequences, a_file, by_pytorch, noise, sound
from tests.techniques.graphs import matrix

STILL = "Techniques that work on graphs still apply."


def reason(graph: onnx.ModelProto) -> str:
    with pytest.raises(ModelError) as refused:
        twin(graph)
    return str(refused.value)


def trees() -> onnx.ModelProto:
    """A decision stump, as skl2onnx writes it."""
    node = helper.make_node(
        "TreeEnsembleClassifier", ["x"], ["label", "scores"], domain="ai.onnx.ml", classlabels_int64s=[0, 1]
    )
    last = helper.make_node("ZipMap", ["scores"], ["y"], domain="ai.onnx.ml", classlabels_int64s=[0, 1])
    graph = a_file([node, last], {"x": ["n", 4]}, {"label": ["n"]})
    graph.opset_import.append(helper.make_opsetid("ai.onnx.ml", 3))
    return graph


def test_trees_are_refused_by_the_names_of_their_operators():
    assert reason(trees()) == (
        "no trainable network can be made of a file with TreeEnsembleClassifier (ai.onnx.ml), ZipMap (ai.onnx.ml): "
        f"onnx2torch does not know these operators. {STILL}"
    )


def test_recurrent_layers_are_refused_by_name():
    gru = nn.GRU(4, 8, batch_first=True)
    assert reason(by_pytorch(gru, torch.zeros(1, 5, 4))) == (
        f"no trainable network can be made of a file with GRU: onnx2torch does not know this operator. {STILL}"
    )


def test_a_file_that_is_already_quantized_can_be_measured_but_not_trained():
    assert reason(quantized_convolution(encoding((4, 3, 3, 3), 8))) == (
        "only a float model can be trained, and this file is already quantized (DequantizeLinear, QuantizeLinear): it "
        "can be measured and compared, not trained. To train it, upload the float file that it was made from."
    )


def test_half_precision_can_be_measured_but_not_trained():
    graph = matrix(noise(3, 4))
    weight = numpy_helper.from_array(noise(3, 4).astype(np.float16), "fc.weight")
    graph.graph.initializer[0].CopyFrom(weight)
    for one in (*graph.graph.input, *graph.graph.output):
        one.type.tensor_type.elem_type = TensorProto.FLOAT16
    assert reason(graph) == (
        "only float32 weights can be trained, and this file holds float16: it can be measured and compared, not "
        "trained. To train it, export it in float32."
    )


def test_a_batch_size_that_is_written_everywhere_is_refused():
    words = torch.zeros(2, 12, dtype=torch.int64)
    assert reason(by_pytorch(Sequences(), words, words + 1, free=False)) == (
        "a network is trained on batches of any size, and the batch size 2 is written into this file so that it cannot "
        "be freed. Export it again with a free batch size (dynamic_axes, dynamic_shapes)."
    )


def test_padding_that_depends_on_a_size_that_is_left_open_is_refused():
    node = helper.make_node("Conv", ["x", "w"], ["y"], "conv1", auto_pad="SAME_UPPER", strides=[2, 2])
    graph = a_file([node], {"x": ["n", 3, "h", "w_"]}, {"y": ["n", 4, None, None]}, {"w": noise(4, 3, 3, 3)})
    assert reason(graph) == (
        "training needs an image size that is written in the file, because Conv 'conv1' pads with SAME_UPPER. Export "
        "it with a fixed height and width."
    )


def test_where_onnx2torch_stops_the_operator_is_named_with_its_reason():
    node = helper.make_node("AveragePool", ["x"], ["y"], "pool1", kernel_shape=[2, 2], pads=[0, 0, 1, 1])
    assert reason(a_file([node], {"x": ["n", 3, 8, 8]}, {"y": ["n", 3, 8, 8]})) == (
        "no trainable network can be made of this file: onnx2torch stops at AveragePool 'pool1': AvgPool with non "
        f"symmetrical padding is not implemented. {STILL}"
    )


def test_a_file_that_reads_what_nobody_makes_is_refused():
    node = helper.make_node("Relu", ["ghost"], ["y"], "relu1")
    assert reason(a_file([node], {"x": ["n", 3]}, {"y": ["n", 3]})) == (
        "no trainable network can be made of this file: onnx2torch stops at how its nodes are joined: Got unexpected "
        f"input value type (ValueType.UNKNOWN). {STILL}"
    )


def test_newer_operators_that_older_ones_cannot_say_are_refused():
    node = helper.make_node("Resize", ["x", "", "scales"], ["y"], "smaller", mode="linear", antialias=1)
    scales = {"scales": np.array([1, 1, 0.5, 0.5])}
    assert reason(a_file([node], {"x": ["n", 3, 8, 8]}, {"y": ["n", 3, 4, 4]}, scales, opset=18)) == (
        "training needs a file that can be written in ONNX opset 17, and this one has 18 and cannot: Unrecognized "
        "attribute: antialias for operator Resize. Export it again with opset 17."
    )


def test_axes_that_are_computed_are_refused():
    nodes = [
        helper.make_node("Shape", ["x"], ["rank"], start=0, end=1),
        helper.make_node("ReduceMax", ["x", "rank"], ["y"], "largest"),
    ]
    assert reason(a_file(nodes, {"x": ["n", 3]}, {"y": None}, opset=18)) == (
        "training needs axes that are written in the file, and those of ReduceMax 'largest' are computed. Export it "
        "again with opset 17."
    )


def test_a_file_that_does_not_run_is_refused_in_the_words_of_the_runtime():
    node = helper.make_node("Add", ["x", "w"], ["y"], "sum")
    start = "a network is compared with its file on made-up inputs, and ONNX Runtime could not run the file: "
    of_no_shape = a_file([node], {"x": ["n", 3]}, {"y": None}, {"w": noise(5, 5)})
    of_no_size = a_file([node], {"x": ["n", "length"]}, {"y": None}, {"w": noise(5, 5)})
    for graph in (of_no_shape, of_no_size):  # the one is found when it is loaded, the other when it is run
        assert reason(graph).startswith(f"{start}[ONNXRuntimeError]")


def test_a_network_with_other_answers_is_found():
    graph = by_pytorch(sound(), torch.zeros(1, 13, 40))
    other = twin(graph)
    with torch.no_grad():
        other.get_submodule("0").weight += 0.1
    with pytest.raises(ModelError) as refused:
        check(other, graph)
    assert str(refused.value).startswith(
        "the network made of this file must answer as the file does; on made-up inputs its output '"
    )
    assert str(refused.value).endswith(" of the largest value, and 0.001 is allowed.")


def test_a_network_with_outputs_of_another_shape_is_found():
    graph = matrix(noise(3, 4))
    with pytest.raises(ModelError) as refused:
        check(nn.Linear(4, 5), graph)
    assert str(refused.value) == (
        "the network made of this file must answer as the file does; its output 'output' has shape (2, 5), and the "
        "file's (2, 3)."
    )


def test_a_network_that_does_not_run_is_found():
    with pytest.raises(ModelError) as refused:
        check(nn.Linear(5, 3), matrix(noise(3, 4)))
    assert str(refused.value) == (
        "the network made of this file does not run: mat1 and mat2 shapes cannot be multiplied (2x4 and 5x3)"
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ([1.0, 2.0], [1.0, 4.0], (0.5, 1e-3)),  # 2 of the largest value, 4
        ([np.nan, np.inf, 1.0], [np.nan, np.inf, 1.0], (0.0, 1e-3)),
        ([np.nan, 1.0], [0.0, 1.0], (np.nan, 1e-3)),
        ([1, 2, 3, 4], [1, 2, 3, 5], (0.25, 0.005)),
        ([True, False], [True, False], (0.0, 0.005)),
    ],
)
def test_floats_differ_by_a_share_of_the_largest_and_whole_numbers_by_how_many(ours, theirs, expected):
    np.testing.assert_equal(difference(np.array(ours), np.array(theirs)), expected)
