"""What is special about a runtime, tried on files of a few kilobytes."""

from pathlib import Path

import numpy as np
import pytest

from edgekit.export.check import runner
from edgekit.export.formats import formats
from edgekit.export.race import by_turns
from tests.measure.graphs import chain

TINY = Path(__file__).with_name("tiny_int8.tflite")  # conv 1→4, ReLU, linear 16→3; integers outside too
EXPECTED = [[0.3633, -0.1314, 0.0431], [0.3226, -0.0334, 0.1379], [0.3781, 0.0450, -0.1282]]  # by PyTorch, in floats


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
