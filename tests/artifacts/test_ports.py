"""What goes in and comes out keeps the names that a person's code knows, and nothing else changes."""

import numpy as np
import onnx
import onnxruntime

from edgekit.artifacts.ports import named_as
from tests.techniques.graphs import a_graph, residual

THEIRS = """<ir_version: 10, opset_import: ["" : 21]>
    theirs (float[batch, 3, 8, 8] b) => (float[batch, 5] scores) { c = GlobalAveragePool(b) d = Flatten(c)
    scores = Gemm <transB = 1> (d, weight) }"""


def answers(graph: onnx.ModelProto, **fed: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, fed)[0]


def test_a_graph_takes_the_names_of_another_even_where_an_inner_tensor_has_one_of_them():
    ours, theirs = residual(), a_graph(THEIRS, {"weight": np.ones((5, 3))})
    found = named_as(ours, theirs)
    assert [value.name for value in (*found.graph.input, *found.graph.output)] == ["b", "scores"]
    images = np.random.default_rng(0).normal(size=(2, 3, 8, 8)).astype(np.float32)
    assert np.array_equal(answers(ours, input=images), answers(found, b=images))
    assert ours.graph.input[0].name == "input", "the graph itself stays as it was"


def test_a_graph_that_has_the_names_already_is_handed_back():
    ours = residual()
    assert named_as(ours, residual()) is ours
