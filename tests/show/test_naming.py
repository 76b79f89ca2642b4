"""A run by name: the name of its file, its command, its table, and a snippet that really runs it."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from edgekit.core.measurement import BY_TASK, METRICS, OF_DEVICES
from edgekit.core.preprocessing import TextPairs
from edgekit.data.catalog import entry
from edgekit.models.samples import cards
from edgekit.recipe import Recipe
from edgekit.show import naming
from edgekit.show.snippet import snippet
from tests.factories import a_baseline, a_run
from tests.tasks.maps import maps_of
from tests.tasks.sentences import labels_of


def a_classifier(path, *shape: int) -> None:
    """A file that answers by the mean of the picture, so that bright pictures are class 1."""
    picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", *shape])
    answer = helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", 2])
    signs = helper.make_tensor("signs", TensorProto.FLOAT, [1, 2], [-1.0, 1.0])
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("MatMul", ["flat", "signs"], ["output"]),
    ]
    graph = helper.make_graph(nodes, "mean", [picture], [answer], [signs])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


@pytest.mark.parametrize(
    ("model", "fed", "shape"),
    [
        ("lenet5-fashion", {}, (1, 28, 28)),
        ("resnet8-cifar10", {}, (3, 32, 32)),
        ("resnet8-cifar10", {"size": (16, 24), "channels_last": True}, (16, 24, 3)),
        ("resnet8-cifar10", {"mean": (0.5,), "std": (0.5,)}, (1, 32, 32)),
    ],
)
def test_the_snippet_loads_and_runs_the_downloaded_file(model, fed, shape, tmp_path):
    card = cards()[model]
    card = card.model_copy(update={"preprocessing": card.preprocessing.model_copy(update=fed)})
    about = entry(card.data)
    run = a_run(model=model, data=card.data)
    a_classifier(tmp_path / naming.file_name(run), *shape)
    Image.fromarray(np.full((64, 48, 3), 255, np.uint8)).save(tmp_path / "picture.png")
    code = snippet(run, card)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == about.classes[1], done.stderr


def test_the_snippet_of_a_network_that_compares_prints_what_is_compared(tmp_path):
    card = cards()["lenet5-fashion"].model_copy(update={"data": "orl-faces"})
    run = a_run(data="orl-faces")
    a_classifier(tmp_path / naming.file_name(run), 1, 112, 92)
    Image.fromarray(np.full((64, 48), 255, np.uint8)).save(tmp_path / "picture.png")
    done = subprocess.run([sys.executable, "-c", snippet(run, card)], cwd=tmp_path, capture_output=True, text=True)
    assert np.linalg.norm([float(number) for number in done.stdout.strip(" []\n").split()]) == pytest.approx(1)


def test_the_snippet_of_a_detector_prints_boxes(tmp_path):
    card = cards()["lenet5-mnist"].model_copy(update={"data": "digit-scenes"})
    run = a_run(data="digit-scenes")
    maps = maps_of(np.array([[[0.25, 0.5, 0.5, 0.75, 7]]]), classes=10).astype(np.float32)
    _a_detector(tmp_path / naming.file_name(run), maps)
    Image.fromarray(np.full((64, 48), 255, np.uint8)).save(tmp_path / "picture.png")
    done = subprocess.run(
        [sys.executable, "-c", snippet(run, card)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
    )
    first = done.stdout.split("]")[0].strip("[ ").split()
    assert [float(number) for number in first] == pytest.approx([0.25, 0.5, 0.5, 0.75, 7, 1], abs=1e-3), done.stderr


def test_the_snippet_of_a_translator_prints_a_text(tmp_path):
    update = {"data": "interface-strings", "preprocessing": TextPairs(length=20)}
    card = cards()["minilm-sentiment"].model_copy(update=update)
    run = a_run(data="interface-strings")
    said = np.eye(2000, dtype=np.float32)[labels_of(["Ouvrir la page"])]  # (1, places, pieces)
    nodes = [
        helper.make_node("ReduceMin", ["input"], ["least"], axes=[1], keepdims=1),
        helper.make_node("Cast", ["least"], ["zero"], to=TensorProto.FLOAT),  # padding
        helper.make_node("Unsqueeze", ["zero", "last"], ["nothing"]),
        helper.make_node("Add", ["nothing", "said"], ["output"]),
    ]
    held = [onnx.numpy_helper.from_array(said, "said"), helper.make_tensor("last", TensorProto.INT64, [1], [2])]
    text = helper.make_tensor_value_info("input", TensorProto.INT64, ["batch", 40])
    answer = helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", 20, 2000])
    graph = helper.make_graph(nodes, "said", [text], [answer], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, tmp_path / naming.file_name(run))
    done = subprocess.run(
        [sys.executable, "-c", snippet(run, card)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.stdout.strip() == "Ouvrir la page", done.stderr


def _a_detector(path, maps: np.ndarray) -> None:
    """A file that sees the same in every picture."""
    picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 1, 96, 96])
    answer = helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", *maps.shape[1:]])
    held = [onnx.numpy_helper.from_array(maps, "maps"), helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0])]
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "maps"], ["output"]),
    ]
    graph = helper.make_graph(nodes, "same", [picture], [answer], held)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


def test_the_command_makes_the_same_recipe():
    layers = {"layers": {"fc*": {"sparsity": 0.5}}, "skip": ["conv1", "fc2"]}
    run = a_run(recipe=[{"prune_channels": {"sparsity": 0.25} | layers}, {"quantize_static": {}}])
    words = shlex.split(naming.command(run))
    assert words[:5] == ["python", "-m", "edgekit", "compress", "lenet5-fashion"]
    steps = [word for word in words[5:] if word != "--step"]
    assert Recipe.parse(steps).to_list() == run.recipe


def test_the_command_of_the_network_itself_has_no_steps():
    assert naming.command(a_baseline()) == "python -m edgekit compress lenet5-fashion"


def test_the_file_is_named_by_model_steps_and_the_start_of_its_hash():
    run = a_run()
    assert naming.file_name(run) == f"lenet5-fashion-quantize_static-{run.artifact.sha256[:8]}.onnx"
    assert naming.file_name(a_baseline()).startswith("lenet5-fashion-uncompressed-")


def test_the_table_holds_every_metric_with_its_interval_and_origin():
    table = naming.table(a_run())
    assert table[""] == [metric.title for metric in METRICS.values() if metric.id not in (*BY_TASK[1:], *OF_DEVICES)]
    row = {column: values[0] for column, values in table.items()}
    assert row == {
        "": "Accuracy", "Before": "92.0 %", "After": "91.8 %", "95 % interval": "91.2 to 92.3 %",
        "How": "measured: 10,000 test samples, Wilson interval",
    }  # fmt: skip
    assert table["95 % interval"][1] == "exact"


def test_a_run_is_titled_by_its_name_or_by_its_recipe():
    assert naming.title(a_run()) == "Quantize static"
    assert naming.title(a_run(name="For the camera")) == "For the camera"
