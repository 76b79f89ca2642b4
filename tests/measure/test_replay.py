"""Sequences: what is carried from frame to frame, and how a frame's time is averaged."""

import numpy as np
import pytest

from edgekit.measure.replay import Replay, replay, time_replay
from tests.techniques.graphs import a_graph, matrix

LEAST = """
<ir_version: 10, opset_import: ["" : 21]>
least_so_far (float[1, 2] input, float[1, 2] before) => (float[1, 2] least) { least = Min(input, before) }
"""
FRAMES = np.array([[5, 5], [3, 9], [4, 1]], np.float32)


def test_an_output_is_carried_to_the_next_frame_and_is_infinite_at_first(tmp_path):
    file = tmp_path / "least.onnx"
    file.write_bytes(a_graph(LEAST, {}).SerializeToString())
    assert replay(file, FRAMES, {"before": "least"})["least"].tolist() == [[5, 5], [3, 5], [3, 1]]


def test_a_frame_counts_with_its_median_over_the_turns():
    # One frame of 1 ms and one of 3 ms, three turns, one of them disturbed; the other file takes twice as long.
    times = np.array([[[1, 3], [1, 3], [50, 90]], [[2, 6], [2, 6], [2, 6]]]) * 1e6
    found = Replay(times, "by hand")
    assert found.frame_ms(0).value == pytest.approx(2)
    assert found.ratio(1, 0).value == pytest.approx(2)
    assert found.ratio(1, 0).low <= 2 <= found.ratio(1, 0).high


def test_files_take_turns_over_the_same_frames(tmp_path):
    plain, carrying = tmp_path / "plain.onnx", tmp_path / "least.onnx"
    plain.write_bytes(matrix(np.eye(2)).SerializeToString())
    carrying.write_bytes(a_graph(LEAST, {}).SerializeToString())
    found = time_replay([(plain, {}), (carrying, {"before": "least"})], FRAMES)
    assert found.times.shape[0] == 2
    assert found.times.shape[1] >= 9
    assert found.times.shape[2] == 3
    assert (found.times > 0).all()
    assert found.frame_ms(1).how.startswith("mean of 3 frames, each ")
