"""The way from an encoded sample to its answer: every step is timed, for each file, and samples survive encoding."""

import numpy as np
import pytest

from edgekit.artifacts.export import export
from edgekit.core.errors import MeasureError
from edgekit.data import bring, splits
from edgekit.data.reading import sample
from edgekit.measure.statistics import median
from edgekit.measure.whole import STEPS, _encoded, whole_latencies
from edgekit.models import samples
from tests.data.brought import in_a_folder, tone


def test_every_step_takes_its_time_and_all_together_the_most(tmp_path):
    model = samples.load("lenet5-fashion")
    held = splits.load(model.data).evaluation
    file = tmp_path / "lenet.onnx"
    file.write_bytes(export(model.network, model.preprocessing(held.raw[:1])).SerializeToString())
    first, second = whole_latencies([file, file], model, held)
    for found in (first, second):
        assert list(found.steps) == list(STEPS)
        assert all(0 < step.low <= step.value <= step.high for step in found.steps.values())
        assert found.total_ms.value > max(step.value for step in found.steps.values())
        assert found.total_ms.value < 2 * sum(step.value for step in found.steps.values())


def test_a_file_that_cannot_run_is_refused(tmp_path):
    model = samples.load("lenet5-fashion")
    (tmp_path / "none.onnx").write_bytes(b"no network")
    with pytest.raises(MeasureError, match=r"none\.onnx"):
        whole_latencies([tmp_path / "none.onnx"], model, splits.load(model.data).evaluation)


@pytest.mark.parametrize("kind", ["image", "sound", "values", "text"])
def test_an_encoded_sample_is_read_back_as_it_was(kind, tmp_path, home):
    if kind == "image":
        held = splits.load("fashion-mnist").evaluation
    elif kind == "sound":
        files = {f"{name}/{n}.wav": tone(hertz + n) for name, hertz in (("low", 200), ("high", 900)) for n in range(12)}
        held = splits.load(bring.add(in_a_folder(tmp_path / "tones", files))).evaluation
    elif kind == "text":
        (tmp_path / "t.csv").write_text("text,label\n" + "".join(f"Sentence {n},{n % 2}\n" for n in range(10, 40)))
        held = splits.load(bring.add(tmp_path / "t.csv")).evaluation
    else:
        np.savez(tmp_path / "t.npz", x=np.random.default_rng(0).normal(size=(30, 5)), y=np.arange(30) % 2)
        held = splits.load(bring.add(tmp_path / "t.npz")).evaluation
    path = _encoded(held.raw[0], held.entry, tmp_path / "0")
    assert np.array_equal(sample(str(path), path.read_bytes()), held.raw[0])


def test_the_interval_of_a_median_is_the_sign_tests():
    # of 100 values, 50 ± 9.8 places: the 41st and the 61st enclose the median
    found = median(np.arange(1, 101)[::-1])
    assert (found.value, found.low, found.high) == (50.5, 41, 61)
    assert (median(np.array([7.0])).low, median(np.array([7.0])).high) == (7, 7)
