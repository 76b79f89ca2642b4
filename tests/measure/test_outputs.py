"""One pass over the samples: which samples, in which order, in what form; and how it stops."""

import threading

import numpy as np
import pytest
from onnx import TensorProto, helper

from edgekit.core.errors import Cancelled, MeasureError
from edgekit.data.splits import Samples, Split
from edgekit.measure.outputs import outputs
from tests.measure.graphs import flatten, saved


def samples(n: int = 1000, split: Split = Split.EVALUATION) -> Samples:
    """Images of one pixel row of 4, no two of them alike."""
    pixels = np.stack([np.arange(n) // 256, np.arange(n) % 256, np.full(n, 7), np.full(n, 9)], 1).astype(np.uint8)
    return Samples("mnist", split, pixels.reshape(n, 1, 4, 1), np.zeros(n, np.int64), np.arange(n))


def as_floats(pixels: np.ndarray) -> np.ndarray:
    return pixels.transpose(0, 3, 1, 2).astype(np.float32)  # (n, channels, height, width)


@pytest.mark.parametrize("batch", ["batch", 1, 7, 64])
@pytest.mark.parametrize("threads", [1, 3])
def test_outputs_come_in_the_order_of_the_samples_whatever_batch_the_file_takes(tmp_path, batch, threads):
    path = flatten(tmp_path / "file.onnx", 4, batch)
    got = outputs(path, samples(), as_floats, threads=threads)
    assert got.dtype == np.float32
    assert np.array_equal(got, samples().raw.reshape(1000, 4))


def test_a_file_that_takes_half_precision_gets_it(tmp_path):
    path = flatten(tmp_path / "file.onnx", 4, kind=TensorProto.FLOAT16)
    got = outputs(path, samples(10), as_floats)
    assert got.dtype == np.float32
    assert np.array_equal(got, samples(10).raw.reshape(10, 4))


def test_a_file_that_looks_at_the_whole_batch_gets_one_sample_at_a_time(tmp_path):
    nodes = [
        helper.make_node("Flatten", ["input"], ["flat"]),
        helper.make_node("DynamicQuantizeLinear", ["flat"], ["codes", "scale", "zero"]),
        helper.make_node("DequantizeLinear", ["codes", "scale", "zero"], ["output"]),
    ]
    path = saved(tmp_path / "file.onnx", nodes, [], ["batch", 1, 1, 4])
    rows = np.random.default_rng(0).normal(size=(90, 4)).astype(np.float32) * np.geomspace(0.01, 100, 90)[:, None]
    got = outputs(path, samples(90), lambda pixels: chosen(rows, pixels))
    steps = (np.maximum(rows.max(1), 0) - np.minimum(rows.min(1), 0)) / 255
    assert np.all(np.abs(got - rows) <= steps[:, None])


def chosen(rows: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """The rows that stand for these samples."""
    return rows[pixels[:, 0, 1, 0].astype(int)].reshape(-1, 1, 1, 4).astype(np.float32)


def test_samples_that_were_learned_from_are_refused(tmp_path):
    path = flatten(tmp_path / "file.onnx", 4)
    with pytest.raises(MeasureError) as caught:
        outputs(path, samples(split=Split.TRAINING), as_floats)
    assert str(caught.value) == (
        "accuracy must be measured on held-out samples, but these are from the training split of mnist, which "
        "techniques learn and calibrate from. Use its evaluation or validation samples."
    )


def test_validation_samples_are_held_out_too(tmp_path):
    path = flatten(tmp_path / "file.onnx", 4)
    assert outputs(path, samples(20, Split.VALIDATION), as_floats).shape == (20, 4)


def test_progress_climbs_to_1(tmp_path):
    seen = []
    outputs(
        flatten(tmp_path / "file.onnx", 4), samples(), as_floats, lambda fraction, what: seen.append((fraction, what))
    )
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions)
    assert seen[0] == (0.0, "0 of 1,000 samples")
    assert seen[-1] == (1.0, "1,000 of 1,000 samples")


def test_cancel_stops_between_batches_and_leaves_no_thread(tmp_path):
    path, preprocessed = flatten(tmp_path / "file.onnx", 4), []

    def cancel(fraction: float, what: str) -> None:
        if fraction > 0:
            raise Cancelled("stop")

    def counting(pixels: np.ndarray) -> np.ndarray:
        preprocessed.append(len(pixels))
        return as_floats(pixels)

    with pytest.raises(Cancelled):
        outputs(path, samples(64_000), counting, cancel, threads=2)
    assert sum(preprocessed) < 1000
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("outputs")]


def test_a_file_with_two_inputs_is_refused(tmp_path):
    import onnx

    path = flatten(tmp_path / "file.onnx", 4)
    model = onnx.load(path)
    model.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["batch"]))
    onnx.save(model, path)
    with pytest.raises(MeasureError) as caught:
        outputs(path, samples(), as_floats)
    assert str(caught.value) == (
        "file.onnx must have one input, the samples, but it has 2: input, mask. "
        "Export the network so that it takes nothing else."
    )


def test_samples_of_another_shape_are_refused_in_the_runtimes_words(tmp_path):
    path = flatten(tmp_path / "file.onnx", 5)
    with pytest.raises(MeasureError, match=r"^ONNX Runtime must be able to run file\.onnx, but it says: .*Expected: 5"):
        outputs(path, samples(), as_floats)
