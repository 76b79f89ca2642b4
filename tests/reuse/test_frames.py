"""Skipping frames: what a clip is, when a frame is computed, and that the file does just that."""

import numpy as np
import onnx
import pytest

from edgekit.core.errors import MeasureError
from edgekit.data import splits
from edgekit.measure.replay import replay
from edgekit.models import samples
from edgekit.reuse.frames import CARRIED, Scene, clips, last_computed, margins, skip_frames, skip_in_film, with_skipping
from tests.techniques.graphs import a_graph, matrix

FRAMES = np.array([[4.0, 1, 0], [4, 1, 1], [4, 3, 0], [1, 3, 0], [1, 3, 0]], np.float32)  # answers of themselves


@pytest.fixture(scope="module")
def fashion() -> splits.Dataset:
    return splits.load("fashion-mnist")


def answers(path, threshold: float, sure: float) -> dict[str, np.ndarray]:
    file = path / "skipping.onnx"
    file.write_bytes(with_skipping(matrix(np.eye(3)), threshold, sure, (3,)).SerializeToString())
    return replay(file, FRAMES, CARRIED)


def test_a_frame_gets_the_answer_of_the_last_one_that_it_hardly_differs_from():
    # Mean differences: 1/3 from the first to the second, 2/3 to the third and 5/3 to the fourth; 1 from the second to
    # the third, and from the third to the fourth.
    leads = margins(FRAMES, np.inf)
    assert leads.tolist() == [3, 3, 1, 2, 2]
    assert last_computed(FRAMES, leads, 0.2).tolist() == [0, 0, 2, 3, 3]
    assert last_computed(FRAMES, leads, 0.5).tolist() == [0, 0, 0, 3, 3]
    assert last_computed(FRAMES, leads, 0.1).tolist() == [0, 1, 2, 3, 3]
    assert last_computed(FRAMES, leads, 0.0).tolist() == [0, 1, 2, 3, 3]


def test_from_a_certain_margin_on_all_answers_are_equally_sure():
    assert margins(FRAMES, 1.5).tolist() == [1.5, 1.5, 1, 1.5, 1.5]
    assert last_computed(FRAMES, margins(FRAMES, 1.5), 0.2).tolist() == [0, 1, 2, 3, 3]


@pytest.mark.parametrize("sure", [1.5, 10.0])
@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.2, 0.5])
def test_the_file_computes_the_very_same_frames(threshold, sure, tmp_path):
    found, kept = answers(tmp_path, threshold, sure), last_computed(FRAMES, margins(FRAMES, sure), threshold)
    assert found["computed"].tolist() == [number == one for number, one in enumerate(kept)]
    assert np.array_equal(found["output"], FRAMES[kept])
    assert np.array_equal(found["frame"], FRAMES[kept])


def test_the_file_is_valid_onnx():
    onnx.checker.check_model(with_skipping(matrix(np.eye(3)), 0.5, 1.0, (3,)), full_check=True)


def test_a_network_without_one_answer_a_frame_is_refused():
    text = """<ir_version: 10, opset_import: ["" : 21]>
        maps (float[b, 3, n] input) => (float[b, 3, n] output) { output = Relu(input) }"""
    with pytest.raises(MeasureError) as said:
        with_skipping(a_graph(text, {}), 0.5, 1.0, (3, 4))
    assert str(said.value) == (
        "skipping frames needs a network with one answer of known size a frame, (1, classes). "
        "Take a network that classifies whole images."
    )


def test_a_clip_shows_its_image_with_noise_and_now_and_then_moves(fashion):
    few = fashion.validation.take(3)
    still = clips(few, Scene(length=4, moves=0, noise=0))
    assert np.array_equal(still.raw, few.raw.repeat(4, axis=0))
    assert np.array_equal(still.labels, few.labels.repeat(4))
    assert (still.split, still.data) == (few.split, few.data)
    moving = clips(few, Scene(length=4, moves=1, noise=0)).raw.reshape(3, 4, 28, 28, 1).astype(int)
    one_pixel = [np.roll(moving[:, 0], step, axis) for step in (-1, 1) for axis in (1, 2)]
    for clip in range(3):
        inner = (slice(2, -2), slice(2, -2))
        assert any(np.array_equal(moving[clip, 1][inner], moved[clip][inner]) for moved in one_pixel)
    noisy = clips(few, Scene(length=4, moves=0, noise=2)).raw.astype(int) - still.raw
    assert 1 < noisy[(still.raw > 20) & (still.raw < 235)].std() < 3


def test_clips_are_the_same_each_time_and_others_with_another_seed(fashion):
    few = fashion.validation.take(3)
    assert np.array_equal(clips(few, Scene()).raw, clips(few, Scene()).raw)
    assert not np.array_equal(clips(few, Scene()).raw, clips(few, Scene(seed=1)).raw)


def test_skipping_is_measured_against_always_computing(fashion, tmp_path):
    told = []
    found = skip_frames(
        samples.load("lenet5-fashion"), fashion, tmp_path, images=60, progress=lambda *one: told.append(one[0])
    )
    assert found.frames == 60 * 20
    assert 0.05 < found.computed < 0.5
    assert found.agreement.value > 0.98
    assert abs(found.difference.value) < 0.02
    assert found.ratio.high < 1 / 1.5
    assert found.speed_up == pytest.approx(1 / found.ratio.value)
    assert (tmp_path / f"{found.skipping.sha256}.onnx").exists()
    assert told == sorted(told)
    assert told[-1] == 1


def test_a_threshold_that_must_change_no_answer_computes_what_differs(fashion, tmp_path):
    found = skip_frames(samples.load("lenet5-fashion"), fashion, tmp_path, images=10, least_agreement=1.0)
    assert found.threshold == 0
    assert found.agreement.value == 1


def test_a_film_without_labels_chooses_on_its_first_half_and_is_measured_on_the_second(fashion, tmp_path):
    film = clips(fashion.evaluation.take(40), Scene()).raw
    found = skip_in_film(samples.load("lenet5-fashion"), film, tmp_path)
    assert found.frames == len(film) / 2
    assert found.difference is None
    assert 0.05 < found.computed < 0.7
    assert found.agreement.value > 0.97
