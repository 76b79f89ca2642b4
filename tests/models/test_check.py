"""Every harm that an ONNX file can name is refused before anything of it runs, in a sentence that says what to do."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgekit.core.errors import ModelError
from edgekit.models._check import checked
from edgekit.models.facts import Facts, Limits, Port
from tests.techniques.graphs import matrix, residual

DAMAGED = "The file is damaged: export it again."
CALLS = """
<ir_version: 10, opset_import: ["" : 21, "own" : 1]>
calls (float[n, 4] input) => (float[n, 4] output) {
    a = own.twice(input)
    output = own.twice(a)
}
<domain: "own", opset_import: ["" : 21, "own" : 1]>
twice (x) => (y) { b = own.once(x)  y = own.once(b) }
<domain: "own", opset_import: ["" : 21, "own" : 1]>
once (x) => (y) { y = Relu(x) }
"""


@pytest.fixture
def one():
    """One matrix product, (batch, 4) -> (batch, 5), whose weight is the first initializer."""
    return matrix(np.ones((5, 4)))


def facts(graph: onnx.ModelProto, limits: Limits = Limits()) -> Facts:  # noqa: B008  (frozen)
    return checked(graph.SerializeToString(), limits)


def refusal(graph: onnx.ModelProto, **limits: int) -> str:
    with pytest.raises(ModelError) as caught:
        facts(graph, Limits(**limits))
    return str(caught.value)


def nested(depth: int) -> onnx.ModelProto:
    """An If in an If in an If …"""
    value = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 4])
    body = helper.make_graph([helper.make_node("Relu", ["input"], ["y"])], "inner", [], [value])
    for _ in range(depth):
        node = helper.make_node("If", ["which"], ["y"], then_branch=body, else_branch=body)
        body = helper.make_graph([node], "outer", [], [value])
    body.input.append(helper.make_tensor_value_info("input", TensorProto.FLOAT, [None, 4]))
    body.initializer.append(numpy_helper.from_array(np.array(True), "which"))
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def test_a_sound_file_is_described():
    found = facts(residual())
    assert found.inputs == (Port(name="input", dtype="float32", shape=(None, 3, 8, 8)),)
    assert found.outputs == (Port(name="output", dtype="float32", shape=(None, 5)),)
    kinds = {"Conv": 3, "Relu": 3, "Add": 1, "MaxPool": 1, "GlobalAveragePool": 1, "Flatten": 1, "Gemm": 1}
    assert (found.operators, found.nodes, found.depth) == (kinds, 11, 0)
    assert (found.params, found.weight_bytes) == (216 + 8 + 2 * (576 + 8) + 40 + 5, 4 * 1437)
    assert (found.opset, found.quantized, found.runs, found.why_not) == (21, False, False, "not tried")


def test_weights_in_constant_nodes_and_subgraphs_count_and_shapes_and_labels_do_not(one):
    weight = numpy_helper.from_array(np.ones((4, 4), np.float16))
    shape = numpy_helper.from_array(np.array([1, 2, 3]))
    labels = helper.make_tensor("labels", TensorProto.STRING, [2], ["cat", "mouse"])
    values = [weight, shape, labels]
    one.graph.node.extend(helper.make_node("Constant", [], [f"c{i}"], value=v) for i, v in enumerate(values))
    found = facts(one)
    assert (found.params, found.weight_bytes) == (20 + 16, 80 + 32 + 24 + len("catmouse"))
    branches = nested(2)
    inner = branches.graph.node[0].attribute[0].g.node[0].attribute[1].g
    inner.initializer.append(numpy_helper.from_array(np.ones(7, np.int8), "deep"))
    assert facts(branches).params == 7


@pytest.mark.parametrize(("kind", "values", "size"), [("INT4", 3, 2), ("UINT2", 5, 2), ("COMPLEX64", 3, 24)])
def test_packed_and_complex_numbers_take_the_bytes_that_they_take(one, kind, values, size):
    tensor = helper.make_tensor("t", getattr(TensorProto, kind), [values], [1] * values)
    one.graph.initializer.append(tensor)
    assert facts(one).weight_bytes - 80 == size


def test_an_initializer_that_is_also_an_input_is_none(one):
    one.graph.input.append(helper.make_tensor_value_info("fc.weight", TensorProto.FLOAT, [5, 4]))
    assert [port.name for port in facts(one).inputs] == ["input"]


def test_what_is_no_tensor_or_not_said_has_no_shape(one):
    one.graph.output.append(helper.make_tensor_sequence_value_info("many", TensorProto.FLOAT, None))
    one.graph.output.append(onnx.ValueInfoProto(name="unsaid"))
    one.graph.output.append(helper.make_tensor_value_info("rank", TensorProto.INT64, None))
    kinds = [("sequence", None), ("unknown", None), ("int64", None)]
    assert [(port.dtype, port.shape) for port in facts(one).outputs[1:]] == kinds


@pytest.mark.parametrize("kind", ["QuantizeLinear", "DequantizeLinear", "QLinearConv", "MatMulInteger", "MatMulNBits"])
def test_integer_operators_make_a_file_quantized(one, kind):
    assert not facts(one).quantized
    one.graph.node.append(helper.make_node(kind, ["input"], ["q"], domain="com.microsoft"))
    assert facts(one).quantized
    assert facts(one).operators == {"Gemm": 1, f"com.microsoft.{kind}": 1}


def test_calls_of_functions_nest_and_count_as_often_as_they_are_called():
    calls = onnx.parser.parse_model(CALLS)
    found = facts(calls)
    assert (found.operators, found.nodes, found.depth) == ({"own.twice": 2, "own.once": 2, "Relu": 1}, 5, 2)
    assert facts(calls, Limits(nodes=2 + 2 * (2 + 2 * 1), depth=2)) == found
    assert refusal(calls, nodes=9) == (
        "a network must have at most 9 operators, with those of its functions wherever they are called, but this one "
        "has more. Take a smaller network."
    )
    assert refusal(calls, depth=1) == (
        "subgraphs and functions must nest at most 1 deep, but these nest deeper. Export without loops inside loops."
    )


def test_functions_that_grow_to_billions_of_operators_are_refused_at_once():
    calls = onnx.parser.parse_model(CALLS)
    for number in range(12):
        wider = onnx.FunctionProto(name=f"f{number}", domain="own")
        wider.node.extend([helper.make_node(f"f{number - 1}" if number else "once", [], [], domain="own")] * 50)
        calls.functions.append(wider)
    calls.graph.node[0].op_type = "f11"
    assert refusal(calls).startswith("a network must have at most 100,000 operators")


def test_a_function_that_calls_itself_is_refused():
    calls = onnx.parser.parse_model(CALLS)
    calls.functions[1].node[0].domain, calls.functions[1].node[0].op_type = "own", "twice"
    assert refusal(calls) == f"a function must not call itself, but 'twice' does. {DAMAGED}"


def test_a_function_that_stands_twice_is_refused():
    calls = onnx.parser.parse_model(CALLS)
    calls.functions.append(calls.functions[0])
    assert refusal(calls) == f"every function must stand once in the file, but 'twice' stands twice. {DAMAGED}"


def test_subgraphs_may_nest_as_deep_as_the_limit_and_no_deeper():
    assert facts(nested(5)).depth == 5
    assert refusal(nested(6), depth=5).startswith("subgraphs and functions must nest at most 5 deep")


def test_nesting_deeper_than_protobuf_reads_is_damage():
    data = b""
    for _ in range(10_000):
        for field in (b"\x32", b"\x2a", b"\x0a"):  # an attribute's graph, a node's attribute, a graph's node
            data = field + varint(len(data)) + data
    with pytest.raises(ModelError) as caught:
        checked(b"\x3a" + varint(len(data)) + data, Limits())
    assert str(caught.value).startswith("the file must be an ONNX file, but it does not decode as one.")


def varint(number: int) -> bytes:
    """As protobuf writes lengths: seven bits a byte, lowest first."""
    return bytes([number & 127 | 128]) + varint(number >> 7) if number > 127 else bytes([number])


def test_nodes_of_subgraphs_count():
    assert facts(nested(3)).nodes == 1 + 2 + 4 + 8
    assert refusal(nested(3), nodes=14).startswith("a network must have at most 14 operators")


def external(tensor: TensorProto) -> TensorProto:
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    return tensor


def attached(tensor: TensorProto, place: str) -> onnx.ModelProto:
    """A sound file but for a tensor in one of the places where one may stand."""
    graph = onnx.parser.parse_model(CALLS)
    constant = helper.make_node("Constant", [], ["c"])
    attribute = constant.attribute.add(name="value")
    sparse = onnx.SparseTensorProto(dims=[4])
    if place == "initializer":
        graph.graph.initializer.append(tensor)
    elif place in ("sparse values", "sparse indices"):
        sparse.values.CopyFrom(numpy_helper.from_array(np.ones(1, np.float32)))
        getattr(sparse, place.split()[1]).CopyFrom(tensor)
        graph.graph.sparse_initializer.append(sparse)
    elif place == "sparse attribute":
        sparse.values.CopyFrom(tensor)
        attribute.sparse_tensor.CopyFrom(sparse)
    elif place == "list of an attribute":
        attribute.tensors.append(tensor)
    else:
        attribute.t.CopyFrom(tensor)
    if place == "function":
        graph.functions[0].node.append(constant)
    elif place == "default of a function":
        graph.functions[0].attribute_proto.append(attribute)
    elif place == "subgraph":
        graph.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=onnx.GraphProto(node=[constant])))
    else:
        graph.graph.node.append(constant)
    return graph


PLACES = ["initializer", "sparse values", "sparse indices", "sparse attribute", "list of an attribute", "attribute"]
PLACES += ["function", "default of a function", "subgraph"]


@pytest.mark.parametrize("place", PLACES)
def test_a_tensor_in_another_file_is_refused_wherever_it_stands(place):
    tensor = numpy_helper.from_array(np.ones(1, np.float32), "w")
    told = refusal(attached(external(tensor), place))
    assert told == (
        "the file must hold all its weights, but the tensor 'w' lies in another file. "
        "Save it as one: onnx.save(onnx.load(path), 'network.onnx')."
    )


@pytest.mark.parametrize(
    ("dims", "told"),
    [
        ([5, 5], "the tensor 'fc.weight' must hold the 100 bytes that its shape asks for, but it holds 80. "),
        ([5, 3], "the tensor 'fc.weight' must hold the 60 bytes that its shape asks for, but it holds 80. "),
        ([-5, -4], "every dimension of a tensor must be from 0 to 2,147,483,647, but 'fc.weight' has one of -5. "),
        (
            [0, 2**40],
            "every dimension of a tensor must be from 0 to 2,147,483,647, but 'fc.weight' has one of "
            "1,099,511,627,776. ",
        ),
        ([1] * 33, "a tensor must have at most 32 dimensions, but 'fc.weight' has 33. "),
    ],
)
def test_a_shape_that_its_tensor_does_not_fill_is_refused(one, dims, told):
    one.graph.initializer[0].dims[:] = dims
    assert refusal(one) == told + DAMAGED


@pytest.mark.parametrize(
    ("kind", "values", "told"),
    [
        ("FLOAT", [1.0], "the 2 numbers that its shape asks for, but it holds 1"),
        ("INT4", [1, 2], "the 1 numbers that its shape asks for, but it holds 2"),
        ("STRING", [b"a"], "the 2 texts that its shape asks for, but it holds 1"),
    ],
)
def test_typed_values_must_fill_their_shape_too(one, kind, values, told):
    number = getattr(TensorProto, kind)
    tensor = TensorProto(name="t", dims=[2], data_type=number)
    getattr(tensor, helper.tensor_dtype_to_field(number)).extend(values)
    one.graph.initializer.append(tensor)
    assert refusal(one) == f"the tensor 't' must hold {told}. {DAMAGED}"


def test_a_tensor_of_an_unknown_type_is_refused(one):
    one.graph.initializer[0].data_type = 99
    told = f"every tensor must be of one of ONNX's types, but 'fc.weight' is of type 99. {DAMAGED}"
    assert refusal(one) == told


def test_a_sparse_tensor_counts_as_large_as_it_is_filled_up(one):
    values = numpy_helper.from_array(np.ones(1, np.float32), "w")
    indices = numpy_helper.from_array(np.zeros(1, np.int64), "at")
    one.graph.sparse_initializer.append(onnx.SparseTensorProto(values=values, indices=indices, dims=[10, 10]))
    assert facts(one, Limits(weight_bytes=492)).weight_bytes == 92
    one.graph.sparse_initializer[0].dims[:] = [2**20, 2**20]
    assert refusal(one) == (
        "the weights must take at most 2,147,483,648 bytes in memory, but they take 4,398,046,511,196. "
        "Take a smaller network."
    )


def test_operators_of_a_library_are_refused_and_named(one):
    one.graph.node[0].domain = "ai.onnx"
    assert facts(one).operators == {"Gemm": 1}
    one.graph.node.extend(helper.make_node(f"Op{i}", [], [], domain="evil\n") for i in range(6))
    shown = ", ".join(f"'evil?.Op{i}'" for i in range(5))
    assert refusal(one) == (
        "every operator must be one that ONNX Runtime has itself, or a function in the file, but the file needs "
        f"{shown}, …. EdgeKit loads no libraries of operators: export with ordinary ones."
    )


@pytest.mark.parametrize("version", [0, -1, 1000])
def test_an_opset_that_does_not_exist_is_refused(one, version):
    one.opset_import[0].version = version
    newest = onnx.defs.onnx_opset_version()
    assert refusal(one) == (
        f"the version of ONNX's operators (opset) must be from 1 to {newest}, but the file uses {version}. "
        "Install a newer onnx and onnxruntime, or export with an older opset."
    )


def test_only_a_file_without_ordinary_operators_may_leave_their_version_out(one):
    del one.opset_import[:]
    told = f"the file must say which version of ONNX's operators it uses, but it does not. {DAMAGED}"
    assert refusal(one) == told
    one.graph.node[0].domain = "ai.onnx.ml"
    assert facts(one).opset == 0


@pytest.mark.parametrize("missing", ["input", "output"])
def test_a_network_needs_an_input_and_an_output(one, missing):
    one.graph.ClearField(missing)
    told = f"the network must have an input and an output, but it has no {missing}. Export it again."
    assert refusal(one) == told


def test_an_input_must_say_its_type(one):
    one.graph.input[0].ClearField("type")
    assert refusal(one) == f"every input must say its type, but 'input' does not. {DAMAGED}"


def test_an_input_may_not_take_more_than_its_share(one):
    one.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 2**40
    assert refusal(one) == (
        "an input must take at most 268,435,456 bytes in at most 32 dimensions, but 'input' takes 4,398,046,511,104 "
        "in 2. Take a network with smaller inputs."
    )


def test_bytes_that_are_no_onnx_file_are_refused(one):
    told = "the file must be an ONNX file, but it does not decode as one. It is damaged or of another kind: "
    with pytest.raises(ModelError) as caught:
        checked(one.SerializeToString()[:-7], Limits())
    assert str(caught.value) == told + "export it again."
    one.ClearField("graph")
    assert refusal(one) == f"the network must have at least one operator, but the file holds none. {DAMAGED}"


def test_names_must_be_text_and_are_shown_short(one):
    data = one.SerializeToString().replace(b"Gemm", b"\xffemm")
    with pytest.raises(ModelError) as caught:
        checked(data, Limits())
    assert str(caught.value) == rf"every name in the file must be text in UTF-8, but b'\xffemm' is not. {DAMAGED}"
    one.graph.initializer[0].name = "n" * 1000
    one.graph.initializer[0].data_type = 99
    assert f" '{'n' * 60}…' " in refusal(one)


def test_parts_for_training_play_no_part(one):
    training = onnx.TrainingInfoProto()
    training.algorithm.node.add(op_type="Adam", domain="ai.onnx.preview.training")
    before = facts(one)
    one.training_info.append(training)
    assert facts(one) == before
