"""Tensors count as what they take, and must hold themselves what their shapes say."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgekit.models.facts import Limits
from tests.models.checking import CALLS, DAMAGED, a_product, facts, nested, refusal


def test_weights_in_constant_nodes_and_subgraphs_count_and_shapes_and_labels_do_not():
    one = a_product()
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
def test_packed_and_complex_numbers_take_the_bytes_that_they_take(kind, values, size):
    one = a_product()
    tensor = helper.make_tensor("t", getattr(TensorProto, kind), [values], [1] * values)
    one.graph.initializer.append(tensor)
    assert facts(one).weight_bytes - 80 == size


def elsewhere() -> TensorProto:
    """A tensor that says of itself that it lies in another file."""
    tensor = numpy_helper.from_array(np.ones(1, np.float32), "w")
    tensor.data_location = TensorProto.EXTERNAL
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
    assert refusal(attached(elsewhere(), place)) == (
        "the file must hold all its weights, but the tensor 'w' lies in another file. "
        "Save it as one: onnx.save(onnx.load(path), 'network.onnx')."
    )


def test_a_tensor_that_names_another_file_is_refused_even_if_it_says_that_it_lies_in_this_one():
    one = a_product()
    one.graph.initializer[0].external_data.add(key="location", value="../weights.bin")
    assert refusal(one).startswith(
        "the file must hold all its weights, but the tensor 'fc.weight' lies in another file."
    )


@pytest.mark.parametrize(
    ("dims", "told"),
    [
        ([5, 5], "the tensor 'fc.weight' must fill its shape with 100 bytes, but it holds 80. "),
        ([5, 3], "the tensor 'fc.weight' must fill its shape with 60 bytes, but it holds 80. "),
        ([-5, -4], "every dimension of a tensor must be from 0 to 2,147,483,647, but 'fc.weight' has one of -5. "),
        (
            [0, 2**40],
            "every dimension of a tensor must be from 0 to 2,147,483,647, but 'fc.weight' has one of "
            "1,099,511,627,776. ",
        ),
        (
            [2**31 - 1] * 32,
            "the tensor 'fc.weight' must fill its shape with more than 10^18 bytes, but it holds 80. ",
        ),
        ([1] * 33, "a tensor must have at most 32 dimensions, but 'fc.weight' has 33. "),
    ],
)
def test_a_shape_that_its_tensor_does_not_fill_is_refused(dims, told):
    one = a_product()
    one.graph.initializer[0].dims[:] = dims
    assert refusal(one) == told + DAMAGED


@pytest.mark.parametrize(
    ("kind", "values", "told"),
    [
        ("FLOAT", [1.0], "2 numbers, but it holds 1"),
        ("INT4", [1, 2], "1 numbers, but it holds 2"),
        ("STRING", [b"a"], "2 texts, but it holds 1"),
    ],
)
def test_typed_values_must_fill_their_shape_too(kind, values, told):
    one = a_product()
    number = getattr(TensorProto, kind)
    tensor = TensorProto(name="t", dims=[2], data_type=number)
    getattr(tensor, helper.tensor_dtype_to_field(number)).extend(values)
    one.graph.initializer.append(tensor)
    assert refusal(one) == f"the tensor 't' must fill its shape with {told}. {DAMAGED}"


def test_a_tensor_of_an_unknown_type_is_refused():
    one = a_product()
    one.graph.initializer[0].data_type = 99
    told = f"every tensor must be of one of ONNX's types, but 'fc.weight' is of type 99. {DAMAGED}"
    assert refusal(one) == told


def test_a_sparse_tensor_counts_as_large_as_it_is_filled_up():
    one = a_product()
    values = numpy_helper.from_array(np.ones(1, np.float32), "w")
    indices = numpy_helper.from_array(np.zeros(1, np.int64), "at")
    one.graph.sparse_initializer.append(onnx.SparseTensorProto(values=values, indices=indices, dims=[10, 10]))
    assert facts(one, Limits(weight_bytes=492)).weight_bytes == 92
    one.graph.sparse_initializer[0].dims[:] = [2**20, 2**20]
    assert refusal(one) == (
        "the weights must take at most 2,147,483,648 bytes in memory, but they take 4,398,046,511,196. "
        "Take a smaller network."
    )
