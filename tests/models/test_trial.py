"""A file is run once on inputs that suit it, and ONNX Runtime's reason is told in one line where it does not run."""

import re

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgekit.core.errors import ModelError
from edgekit.models._check import checked
from edgekit.models._trial import tried
from edgekit.models.facts import Limits
from tests.techniques.graphs import matrix, residual


def trial(graph: onnx.ModelProto | str) -> str:
    """Why not; "" if it ran."""
    graph = onnx.parser.parse_model(graph) if isinstance(graph, str) else graph
    data = graph.SerializeToString()
    return tried(data, checked(data, Limits()).inputs)


def single(line: str, inputs: str) -> str:
    """A graph of one line."""
    return f'<ir_version: 10, opset_import: ["" : 21]> one ({inputs}) => (float[n] output) {{ {line} }}'


RUNS = {
    "images": residual(),
    "rows": matrix(np.ones((5, 4))),
    "numbers of a table": single(
        "w = Constant <value = float[2, 3] {1, 2, 3, 4, 5, 6}> () output = Gather(w, x)", "int64[n, s] x"
    ),
    "texts": single(
        'y = StringNormalizer <case_change_action = "NONE"> (x) z = Shape(y) output = Cast <to = 1> (z)', "string[n] x"
    ),
    "switches": single("output = Cast <to = 1> (x)", "bool[n, m] x"),
    "bytes": single("output = Cast <to = 1> (x)", "uint8[n, 3, h, w] x"),
    "half floats and doubles": single(
        "a = Cast <to = 1> (x) b = Cast <to = 1> (y) output = Add(a, b)", "float16[n, k] x, double[n, k] y"
    ),
    "sizes that only 1 fits": single("output = Add(x, y)", "float[n, s] x, float[n, 3] y"),
    "a scalar": single("output = Add(x, y)", "float x, float[n] y"),
    "one whose rank is free": single("output = Relu(x)", "float x"),
    "images of 64 pixels or more": single("output = MaxPool <kernel_shape = [33, 33]> (x)", "float[n, 3, h, w] x"),
}
RUNS["one whose rank is free"] = onnx.parser.parse_model(RUNS["one whose rank is free"])
RUNS["one whose rank is free"].graph.input[0].type.tensor_type.ClearField("shape")


@pytest.mark.parametrize("what", RUNS)
def test_made_up_inputs_suit(what):
    assert trial(RUNS[what]) == ""


def test_a_file_that_also_begins_as_one_in_onnx_runtimes_own_format_is_read_as_it_was_checked():
    graph = matrix(np.ones((5, 4)))
    graph.producer_name = "ORTM"
    assert graph.SerializeToString()[4:8] == b"ORTM"  # by which ONNX Runtime tells its own
    assert trial(graph) == ""


def test_a_cycle_is_said_in_onnx_runtimes_words():
    graph = matrix(np.ones((5, 4)))
    graph.graph.node[0].input[0] = "output"
    assert trial(graph) == "This is an invalid model. Error: the graph is not acyclic"


def test_a_reason_names_no_place_in_onnx_runtimes_source():
    shape = "s = Constant <value_ints = [1099511627776, 1099511627776]> () output = ConstantOfShape(s)"
    why = trial(single(shape, "float[n] x"))
    assert why == (
        "Non-zero status code returned while running ConstantOfShape node. Name:'' Status Message: Integer overflow"
    )


def test_a_long_reason_is_cut():
    graph = matrix(np.ones((5, 4)))
    graph.graph.node[0].op_type = "Gone\n" * 10_000
    why = trial(graph)
    assert (len(why), why[-1], why.isprintable()) == (300, "…", True)


def test_an_input_of_which_nothing_can_be_made_up_is_named():
    graph = matrix(np.ones((5, 4)))
    graph.graph.input.append(helper.make_tensor_sequence_value_info("many", TensorProto.FLOAT, None))
    assert trial(graph) == "the input 'many' is of type sequence, for which there are no made-up values"


def test_operators_newer_than_onnx_runtime_knows_are_refused():
    graph = matrix(np.ones((5, 4)))
    graph.opset_import.append(helper.make_opsetid("com.microsoft", 1000))
    assert newer(graph) == (
        "the file must be one that ONNX Runtime can read, but it reads operators of com.microsoft up to version 1, and "
        "the file is newer. Install a newer onnxruntime, or export with an older opset."
    )


def test_a_format_newer_than_onnx_runtime_knows_is_refused():
    graph = matrix(np.ones((5, 4)))
    graph.ir_version = 1000
    assert re.sub(r"\d+", "N", newer(graph)) == (
        "the file must be one that ONNX Runtime can read, but it reads the format up to version N, and the file is "
        "newer. Install a newer onnxruntime, or export with an older opset."
    )


def newer(graph: onnx.ModelProto) -> str:
    with pytest.raises(ModelError) as caught:
        trial(graph)
    return str(caught.value)
