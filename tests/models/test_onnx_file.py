"""A file from elsewhere as a graph: layers with names, constants in one place, and any batch size."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from edgekit.models.onnx_file import inputs, opened
from edgekit.models.twin import twin
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


BERT = """
<ir_version: 10, opset_import: ["" : 21]>
bert (int64[n, t] input_ids, int64[n, t] attention_mask, KIND[n, t] token_type_ids) => (float[n, 4] logits)
<float[2, 4] kinds> {
    a = Gather(words, input_ids)
    b = Gather(kinds, token_type_ids)
    c = Add(a, b)
    mask = Cast <to = 1> (attention_mask)
    last = Constant <value = int64[1] {-1}> ()
    d = Unsqueeze(mask, last)
    e = Mul(c, d)
    f = Tanh(e)
    one = Constant <value = int64[1] {1}> ()
    logits = ReduceSum <keepdims = 0> (f, one)
}
"""
IDS = np.array([[5, 7, 2, 0, 0], [1, 2, 3, 4, 5]])


def bert(segments: str) -> onnx.ModelProto:
    random = np.random.default_rng(0)
    tables = {"words": random.normal(size=(9, 4)), "kinds": random.normal(size=(2, 4))}
    return a_graph(BERT.replace("KIND", segments).replace("<float[2, 4] kinds> ", ""), tables)


@pytest.mark.parametrize("segments", ["int32", "int64"])
def test_the_mask_and_the_kinds_of_a_text_are_worked_out_of_its_word_pieces(segments):
    graph = bert(segments)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    fed = {"input_ids": IDS, "attention_mask": (IDS != 0).astype(np.int64)}
    wanted = session.run(None, fed | {"token_type_ids": np.zeros_like(IDS).astype(segments)})[0]
    alone = opened(graph.SerializeToString())
    assert [value.name for value in inputs(alone)] == ["input_ids"]
    session = onnxruntime.InferenceSession(alone.SerializeToString(), providers=["CPUExecutionProvider"])
    assert session.run(None, {"input_ids": IDS})[0] == pytest.approx(wanted, abs=1e-6)
    assert twin(alone)(torch.from_numpy(IDS)).detach().numpy() == pytest.approx(wanted, abs=1e-6)


def test_an_input_that_does_not_follow_from_the_others_stays():
    graph = bert("int64")
    graph.graph.input[2].name = "more"
    graph.graph.node[1].input[1] = "more"
    assert [value.name for value in inputs(opened(graph.SerializeToString()))] == [
        "input_ids",
        "attention_mask",
        "more",
    ]
