"""Reading and changing ONNX graphs: every form of a constant ends as the same initializer."""

import numpy as np
import onnx

from edgekit.models.graphs import array, lift_constants

CONSTANTS = """
<ir_version: 10, opset_import: ["" : 21]>
constants (float[2] input) => (float[2] output) {
    tensor = Constant <value = float[2] {1.0, 2.0}> ()
    number = Constant <value_float = 3.0> ()
    numbers = Constant <value_floats = [4.0, 5.0]> ()
    whole = Constant <value_int = 6> ()
    wholes = Constant <value_ints = [7, 8]> ()
    words = Constant <value_string = "kept"> ()
    output = Add(input, tensor)
}
"""


def test_every_form_of_a_constant_becomes_an_initializer_and_text_stays():
    graph = onnx.parser.parse_model(CONSTANTS)
    lift_constants(graph)
    assert [node.output[0] for node in graph.graph.node] == ["words", "output"]
    found = {tensor.name: array(graph, tensor.name) for tensor in graph.graph.initializer}
    assert {name: (value.dtype, value.tolist()) for name, value in found.items()} == {
        "tensor": (np.float32, [1.0, 2.0]),
        "number": (np.float32, 3.0),
        "numbers": (np.float32, [4.0, 5.0]),
        "whole": (np.int64, 6),
        "wholes": (np.int64, [7, 8]),
    }
