"""Files that cannot be opened: what the person is told."""

import pytest
from onnx import TensorProto, helper

from edgekit.core.errors import MeasureError
from edgekit.measure.session import open_session, refusal
from tests.measure.graphs import flatten, saved


def test_a_good_file_opens(tmp_path):
    assert open_session(flatten(tmp_path / "file.onnx", 4)).get_inputs()[0].name == "input"


def test_a_missing_file_is_named_with_its_path(tmp_path):
    path = tmp_path / "gone.onnx"
    with pytest.raises(MeasureError) as caught:
        open_session(path)
    assert str(caught.value) == (
        f"the file to measure must exist, but there is none at {path}. Make it again from its run."
    )


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "picture.onnx"
    path.write_bytes(b"\x89PNG\r\n" + bytes(200))
    with pytest.raises(MeasureError) as caught:
        open_session(path)
    assert str(caught.value) == (
        "picture.onnx must be an ONNX file, but ONNX Runtime cannot read it as one. "
        "It is damaged or of another kind: export it again."
    )


def test_an_operator_that_the_runtime_lacks_is_named(tmp_path):
    nodes = [helper.make_node("Sigmoid", ["input"], ["output"], "squash")]
    path = saved(tmp_path / "file.onnx", nodes, [], ["batch", 4], kind=TensorProto.BFLOAT16)
    with pytest.raises(MeasureError) as caught:
        open_session(path)
    assert str(caught.value) == (
        "every operator of file.onnx must be one that ONNX Runtime can run here, but it says: Could not find an "
        "implementation for Sigmoid(13) node with name 'squash'. "
        "Export with ordinary operators, or install a newer onnxruntime."
    )


def test_anything_else_keeps_the_runtimes_own_words_without_its_codes(tmp_path):
    error = refusal(
        tmp_path / "file.onnx", "Fail", "[ONNXRuntimeError] : 1 : FAIL : Load model failed: no such domain."
    )
    assert str(error) == (
        "ONNX Runtime must be able to run file.onnx, but it says: Load model failed: no such domain. "
        "Check the file with onnx.checker, and export it again."
    )
