"""What the tests of the quarantine's checks have in common: small graphs, and what is said of them."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgekit.core.errors import ModelError
from edgekit.models._check import checked
from edgekit.models.facts import Facts, Limits
from tests.techniques.graphs import matrix

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


def a_product() -> onnx.ModelProto:
    """One matrix product, (batch, 4) -> (batch, 5), whose weight is the only initializer."""
    return matrix(np.ones((5, 4)))


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


def facts(graph: onnx.ModelProto, limits: Limits = Limits()) -> Facts:  # noqa: B008  (frozen)
    """What is found without running it."""
    return checked(graph.SerializeToString(), limits)


def refusal(graph: onnx.ModelProto, **limits: int) -> str:
    """What is said of a file that is refused."""
    with pytest.raises(ModelError) as caught:
        facts(graph, Limits(**limits))
    return str(caught.value)
