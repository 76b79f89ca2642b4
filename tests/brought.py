"""Files as people bring them: a sample model as another exporter would have written it."""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgekit.artifacts.export import export
from edgekit.core.model import Model
from edgekit.models import samples

LENET = "lenet5-fashion"


def a_file(
    folder: Path,
    *,
    name: str = "lenet.onnx",
    raw: bool = False,
    channels_last: bool = False,
    batch: int | None = None,
) -> Path:
    """LeNet-5 as an ONNX file with an input "pixels" and an output "logits".

    Args:
        raw: it takes pixels from 0 to 255, and scales them itself.
        channels_last: it takes (batch, height, width, channels), as TensorFlow's exporter writes it.
        batch: a batch size that is written into it.
    """
    model = samples.load(LENET)
    graph = _renamed(_exported(model), {"input": "pixels", "output": "logits"})
    if raw:
        _scale_inside(graph, model)
    if channels_last:
        _turn_inside(graph)
    if batch is not None:
        for value in (*graph.graph.input, *graph.graph.output):
            value.type.tensor_type.shape.dim[0].dim_value = batch
    path = folder / name
    path.write_bytes(graph.SerializeToString())
    return path


def _exported(model: Model) -> onnx.ModelProto:
    return export(model.network, np.zeros((1, *model.input_shape), np.float32))


def _renamed(graph: onnx.ModelProto, names: dict[str, str]) -> onnx.ModelProto:
    for node in graph.graph.node:
        node.input[:] = [names.get(one, one) for one in node.input]
        node.output[:] = [names.get(one, one) for one in node.output]
    for value in (*graph.graph.input, *graph.graph.output):
        value.name = names.get(value.name, value.name)
    return graph


def _scale_inside(graph: onnx.ModelProto, model: Model) -> None:
    _renamed(graph, {"pixels": "scaled"})
    graph.graph.input[0].name = "pixels"
    mean, std = model.preprocessing.mean[0], model.preprocessing.std[0]
    values = {"times": 1 / (255 * std), "less": mean / std}
    graph.graph.initializer.extend(numpy_helper.from_array(np.float32(v), name) for name, v in values.items())
    graph.graph.node.insert(0, helper.make_node("Sub", ["large", "less"], ["scaled"], "shift"))
    graph.graph.node.insert(0, helper.make_node("Mul", ["pixels", "times"], ["large"], "scale"))


def _turn_inside(graph: onnx.ModelProto) -> None:
    _renamed(graph, {"pixels": "turned"})
    value = graph.graph.input[0]
    value.name = "pixels"
    sides = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
    for dim, size in zip(value.type.tensor_type.shape.dim[1:], (*sides[2:], sides[1]), strict=True):
        dim.dim_value = size
    graph.graph.node.insert(0, helper.make_node("Transpose", ["pixels"], ["turned"], "turn", perm=[0, 3, 1, 2]))
