"""An ONNX file is described before anything of it runs, or refused in a sentence that says what to do."""

import onnx
import pytest
from onnx import TensorProto, helper

from edgekit.core.errors import ModelError
from edgekit.models._check import checked
from edgekit.models.facts import Limits, Port
from tests.models.checking import DAMAGED, a_product, facts, refusal
from tests.techniques.graphs import residual


def test_a_sound_file_is_described():
    found = facts(residual())
    assert found.inputs == (Port(name="input", dtype="float32", shape=(None, 3, 8, 8)),)
    assert found.outputs == (Port(name="output", dtype="float32", shape=(None, 5)),)
    kinds = {"Conv": 3, "Relu": 3, "Add": 1, "MaxPool": 1, "GlobalAveragePool": 1, "Flatten": 1, "Gemm": 1}
    assert (found.operators, found.nodes, found.depth) == (kinds, 11, 0)
    assert (found.params, found.weight_bytes) == (216 + 8 + 2 * (576 + 8) + 40 + 5, 4 * 1437)
    assert (found.opset, found.quantized, found.runs, found.why_not) == (21, False, False, "not tried")


def test_an_initializer_that_is_also_an_input_is_none():
    one = a_product()
    one.graph.input.append(helper.make_tensor_value_info("fc.weight", TensorProto.FLOAT, [5, 4]))
    assert [port.name for port in facts(one).inputs] == ["input"]


def test_what_is_no_tensor_or_not_said_has_no_shape():
    one = a_product()
    one.graph.output.append(helper.make_tensor_sequence_value_info("many", TensorProto.FLOAT, None))
    one.graph.output.append(onnx.ValueInfoProto(name="unsaid"))
    one.graph.output.append(helper.make_tensor_value_info("rank", TensorProto.INT64, None))
    kinds = [("sequence", None), ("unknown", None), ("int64", None)]
    assert [(port.dtype, port.shape) for port in facts(one).outputs[1:]] == kinds


@pytest.mark.parametrize("kind", ["QuantizeLinear", "DequantizeLinear", "QLinearConv", "MatMulInteger", "MatMulNBits"])
def test_integer_operators_make_a_file_quantized(kind):
    one = a_product()
    assert not facts(one).quantized
    one.graph.node.append(helper.make_node(kind, ["input"], ["q"], domain="com.microsoft"))
    assert facts(one).quantized
    assert facts(one).operators == {"Gemm": 1, f"com.microsoft.{kind}": 1}


def test_operators_of_a_library_are_refused_and_named():
    one = a_product()
    one.graph.node[0].domain = "ai.onnx"
    assert facts(one).operators == {"Gemm": 1}
    one.graph.node.extend(helper.make_node(f"Op{i}", [], [], domain="evil\n") for i in range(6))
    shown = ", ".join(f"'evil?.Op{i}'" for i in range(5))
    assert refusal(one) == (
        "every operator must be one that ONNX Runtime has itself, or a function in the file, but the file needs "
        f"{shown}, …. EdgeKit loads no libraries of operators: export with ordinary ones."
    )


@pytest.mark.parametrize("version", [0, -1, 1000])
def test_an_opset_that_does_not_exist_is_refused(version):
    one = a_product()
    one.opset_import[0].version = version
    newest = onnx.defs.onnx_opset_version()
    assert refusal(one) == (
        f"the version of ONNX's operators (opset) must be from 1 to {newest}, but the file uses {version}. "
        "Install a newer onnx and onnxruntime, or export with an older opset."
    )


def test_only_a_file_without_ordinary_operators_may_leave_their_version_out():
    one = a_product()
    del one.opset_import[:]
    told = f"the file must say which version of ONNX's operators it uses, but it does not. {DAMAGED}"
    assert refusal(one) == told
    one.graph.node[0].domain = "ai.onnx.ml"
    assert facts(one).opset == 0


@pytest.mark.parametrize("missing", ["input", "output"])
def test_a_network_needs_an_input_and_an_output(missing):
    one = a_product()
    one.graph.ClearField(missing)
    told = f"the network must have an input and an output, but it has no {missing}. Export it again."
    assert refusal(one) == told


def test_an_input_must_say_its_type():
    one = a_product()
    one.graph.input[0].ClearField("type")
    assert refusal(one) == f"every input must say its type, but 'input' does not. {DAMAGED}"


def test_an_input_may_not_take_more_than_its_share():
    one = a_product()
    dims = one.graph.input[0].type.tensor_type.shape.dim
    dims[1].dim_value = 2**40
    told = "an input must take at most 268,435,456 bytes, but 'input' takes {}. Take a network with smaller inputs."
    assert refusal(one) == told.format("4,398,046,511,104")
    dims[0].dim_value = 2**40
    assert refusal(one) == told.format("more than 10^18")
    dims.extend([dims[0]] * 1000)
    assert refusal(one) == f"an input must have at most 32 dimensions, but 'input' has 1,002. {DAMAGED}"


def test_inputs_of_the_same_name_are_each_their_own():
    one = a_product()
    one.graph.input.append(helper.make_tensor_sequence_value_info("input", TensorProto.FLOAT, None))
    assert [port.dtype for port in facts(one).inputs] == ["float32", "sequence"]


def test_bytes_that_are_no_onnx_file_are_refused():
    one = a_product()
    told = "the file must be an ONNX file, but it does not decode as one. It is damaged or of another kind: "
    with pytest.raises(ModelError) as caught:
        checked(one.SerializeToString()[:-7], Limits())
    assert str(caught.value) == told + "export it again."
    one.ClearField("graph")
    assert refusal(one) == f"the network must have at least one operator, but the file holds none. {DAMAGED}"


def test_names_must_be_text_and_are_shown_short():
    one = a_product()
    data = one.SerializeToString().replace(b"Gemm", b"\xffemm")
    with pytest.raises(ModelError) as caught:
        checked(data, Limits())
    assert str(caught.value) == rf"every name in the file must be text in UTF-8, but b'\xffemm' is not. {DAMAGED}"
    one.graph.initializer[0].name = "n" * 1000
    one.graph.initializer[0].data_type = 99
    assert f" '{'n' * 60}…' " in refusal(one)


def test_parts_for_training_play_no_part():
    one = a_product()
    training = onnx.TrainingInfoProto()
    training.algorithm.node.add(op_type="Adam", domain="ai.onnx.preview.training")
    before = facts(one)
    one.training_info.append(training)
    assert facts(one) == before
