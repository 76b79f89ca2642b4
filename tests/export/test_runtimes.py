"""What is special about a runtime, tried on files of a few kilobytes."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from edgekit.core.errors import ExportError
from edgekit.export import scripts
from edgekit.export.check import runner
from edgekit.export.child import Child
from edgekit.export.formats import formats
from edgekit.export.race import by_turns
from tests.measure.graphs import chain

TINY = Path(__file__).with_name("tiny_int8.tflite")  # conv 1→4, ReLU, linear 16→3; integers outside too
EXPECTED = [[0.3633, -0.1314, 0.0431], [0.3226, -0.0334, 0.1379], [0.3781, 0.0450, -0.1282]]  # by PyTorch, in floats
RESIDUAL = Path(__file__).with_name("tiny_residual.tflite")  # 8 values − linear 8→4, ReLU, linear 4→8, in floats
ROUNDED = Path(__file__).with_name("tiny_residual_int8.tflite")  # the same in integers, as EdgeKit makes it
MASKED = Path(__file__).with_name("tiny_masked.tflite")  # softmax(linear(x) xᵀ, with a mask) x, in floats


@pytest.mark.parametrize("name", ["litert", "tflite_micro"])
def test_a_tflite_file_of_integers_takes_and_gives_floats(name, tmp_path):
    kind = formats()[name]
    if kind.python(to_run=True) is None:
        pytest.skip(f"{kind.title} is not installed")
    inputs = np.random.default_rng(0).standard_normal((32, 1, 4, 4)).astype(np.float32)[:3]
    with runner(kind, TINY) as tiny:
        tiny.open()
        found = tiny.answer(inputs, tmp_path)
    np.testing.assert_allclose(found, EXPECTED, atol=0.03)


def test_a_difference_that_a_network_puts_out_stays_in_floats_with_the_input_that_it_reads():
    pytest.importorskip("ai_edge_litert")
    assert script("litert").left_in_floats(str(TINY)) == {}
    kept = script("litert").left_in_floats(str(RESIDUAL))
    assert len(kept) == 3  # the difference, the input as a row, and the input
    inputs = np.random.default_rng(0).standard_normal((1, 8, 1)).astype(np.float32)
    floats, rounded = (script("litert").opened(str(path), 1) for path in (RESIDUAL, ROUNDED))
    np.testing.assert_allclose(rounded.prepare(100 * inputs), 100 * inputs)
    assert np.abs(rounded(100 * inputs)).max() > 50  # as calibration never saw it
    np.testing.assert_allclose(rounded(inputs), floats(inputs), atol=0.05)


def test_scores_that_a_mask_stretches_stay_in_floats_with_what_a_softmax_makes_of_them():
    pytest.importorskip("ai_edge_litert")
    kept = script("litert").left_in_floats(str(MASKED))
    assert len(kept) == 2  # the masked scores, and their softmax
    assert all(why.startswith("Masked scores") for why in kept.values())


def test_the_arena_is_the_least_with_which_a_file_opens_though_the_interpreter_crashes_with_less():
    pytest.importorskip("tflite_micro")
    with Child(sys.executable, "tflite_micro", "TensorFlow Lite Micro") as tools:
        arena = tools.ask({"do": "convert", "source": str(ROUNDED)})["arena"]
        assert tools.ask({"do": "open", "path": str(ROUNDED), "threads": 1})["version"].startswith("TensorFlow Lite M")
    opens, model = script("tflite_micro")._opens, ROUNDED.read_bytes()
    assert (opens(model, arena), opens(model, arena - 32)) == (True, False)
    assert arena % 16 == 0
    assert 500 < arena < 10_000


def test_an_operator_that_a_microcontroller_lacks_is_named(tmp_path):
    pytest.importorskip("tflite_micro")
    flatbuffers, schema = pytest.importorskip("flatbuffers"), pytest.importorskip("ai_edge_litert.schema_py_generated")
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(RESIDUAL.read_bytes()), 0))
    model.operatorCodes[0].builtinCode = schema.BuiltinOperator.SELECT
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    (tmp_path / "other.tflite").write_bytes(builder.Output())
    tools = Child(sys.executable, "tflite_micro", "TensorFlow Lite Micro")
    with tools, pytest.raises(ExportError, match=r"^TensorFlow Lite Micro refused: it has no operator SELECT$"):
        tools.ask({"do": "convert", "source": str(tmp_path / "other.tflite")})


def script(name: str):
    """A script of scripts/, in this process."""
    spec = importlib.util.spec_from_file_location(f"script_{name}", Path(scripts.__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_files_run_by_turns_and_each_bears_the_name_of_its_runtime(tmp_path):
    small = chain(tmp_path / "small.onnx", 1, width=64)
    onnx = formats()["onnx"]
    np.save(tmp_path / "sample.npy", np.zeros((1, 64), np.float32))
    with runner(onnx, small) as one, runner(onnx, small) as again:
        turns = by_turns([one, again], tmp_path / "sample.npy")
    first = turns.latency(0).latency_ms
    assert "ONNX Runtime 1." in first.how
    assert 0 < first.low <= first.value <= first.high
    assert 0.5 < turns.ratio([0], [1]).value < 2
