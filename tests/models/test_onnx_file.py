"""A file from elsewhere as a graph: layers with names, constants in one place, and any batch size."""

import numpy as np
import onnx
import onnxruntime
import pytest

from edgekit.models.onnx_file import inputs, opened
from tests.techniques.graphs import a_graph

FIXED = """
<ir_version: 10, opset_import: ["" : 21]>
fixed (float[2, 3, 4, 4] x) => (float[2, 5] y) {
    [stem] a = Conv <pads = [1, 1, 1, 1]> (x, stem__weight)
    flat = Constant <value = int64[2] {2, -1}> ()
    b = Reshape(a, flat)
    c = MatMul(b, w)
    y = Relu(c)
}
"""


@pytest.fixture
def content() -> bytes:
    random = np.random.default_rng(0)
    weights = {"stem.weight": random.normal(size=(8, 3, 3, 3)), "w": random.normal(size=(128, 5))}
    return a_graph(FIXED, weights).SerializeToString()


def answers(graph: onnx.ModelProto, images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": images})[0]


def test_a_batch_size_that_was_written_in_is_freed_and_the_answers_stay(content):
    images = np.random.default_rng(1).normal(size=(6, 3, 4, 4)).astype(np.float32)
    fixed = onnx.load_model_from_string(content)
    wanted = np.concatenate([answers(fixed, images[start : start + 2]) for start in (0, 2, 4)])
    assert answers(opened(content), images) == pytest.approx(wanted, abs=1e-5)


def test_constants_become_initializers_and_every_node_has_a_name_of_its_own(content):
    graph = opened(content)
    assert "Constant" not in {node.op_type for node in graph.graph.node}
    names = [node.name for node in graph.graph.node]
    assert names[0] == "stem"
    assert len(set(names)) == len(names)
    assert all(names)


def test_weights_that_old_files_list_among_the_inputs_are_none(content):
    graph = onnx.load_model_from_string(content)
    graph.graph.input.append(onnx.helper.make_tensor_value_info("w", onnx.TensorProto.FLOAT, [128, 5]))
    assert [value.name for value in inputs(graph)] == ["x"]
    assert [value.name for value in inputs(opened(graph.SerializeToString()))] == ["x"]
