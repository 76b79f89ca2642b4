"""Whether a twin answers as its file does, found by running both on made-up inputs."""

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import helper
from torch import nn

from edgekit.core.errors import ModelError
from edgekit.models._twin_shapes import baked_batch, inputs_of
from edgekit.models.graphs import attribute, readers, shape_of

CLOSE = 1e-3  # of the largest value of an output: float32 sums in another order stay far below, a wrong layer far above
ALLOWED = 0.005  # share of whole-number outputs that may differ: rounding flips a close call now and then
_SIZES = (16, 32, 64, 8, 224)  # what a free axis may be asked to take, tried in turn
_BATCH = 2

Feed = dict[str, np.ndarray]


def check(network: nn.Module, graph: onnx.ModelProto) -> None:
    """Compare both on the same inputs: normal noise, indices that exist where an embedding is looked up.

    Raises:
        ModelError: the file does not run, the twin answers otherwise, or it takes no other batch size than the file's.
    """
    size = baked_batch(graph)
    names = [out.name for out in graph.graph.output]
    feed, wanted = _answers_of_file(graph, size or _BATCH, seed=0)
    _compare(_answers_of(network, feed), wanted, names)
    if size is not None:
        more, wanted_too = _answers_of_file(graph, size, seed=1)
        both = {name: np.concatenate([feed[name], more[name]]) for name in feed}
        try:
            wanted_of_both = [np.concatenate(pair) for pair in zip(wanted, wanted_too, strict=True)]
            _compare(_answers_of(network, both), wanted_of_both, names)
        except (ModelError, ValueError):  # ValueError: an output without a batch axis
            raise ModelError(
                f"a network is trained on batches of any size, and the batch size {size} is written into this file so "
                "that it cannot be freed. Export it again with a free batch size (dynamic_axes, dynamic_shapes)."
            ) from None


def difference(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """How far two outputs of one shape are apart, and how far they may be.

    Floats: the largest difference as a share of the largest value. Whole numbers and booleans: the share that differs.
    """
    if not theirs.size:
        return 0.0, ALLOWED
    if not np.issubdtype(theirs.dtype, np.floating):
        return float((ours != theirs).mean()), ALLOWED
    other = (ours != theirs) & ~(np.isnan(ours) & np.isnan(theirs))  # the same infinities are no difference
    gap = np.abs(ours[other] - theirs[other]).max(initial=0.0)
    return float(gap / max(np.abs(theirs[np.isfinite(theirs)]).max(initial=0.0), np.finfo(np.float32).tiny)), CLOSE


def made_up(graph: onnx.ModelProto, batch: int, size: int, seed: int) -> Feed:
    """Inputs of the shapes that the graph declares; a free first axis is `batch` long, and other free axes `size`.

    Whole numbers are below the rows of every table in which they are looked up, else 0 or 1.
    """
    random, feed = np.random.default_rng(seed), {}
    for one in inputs_of(graph):
        kind = helper.tensor_dtype_to_np_dtype(one.type.tensor_type.elem_type)
        axes = enumerate(one.type.tensor_type.shape.dim)
        dims = [dim.dim_value or (size if axis else batch) for axis, dim in axes]
        if np.issubdtype(kind, np.floating):
            feed[one.name] = random.standard_normal(dims).astype(kind)
        else:
            feed[one.name] = random.integers(0, _rows(graph, one.name), dims).astype(kind)
    return feed


def _rows(graph: onnx.ModelProto, name: str) -> int:
    """How many rows the smallest table has in which this tensor is looked up, maybe after a cast; 2 if in none."""
    stored, reading = {tensor.name for tensor in graph.graph.initializer}, readers(graph)
    found, names = [], [name]
    for one in names:  # grows while it is read
        for node in reading.get(one, []):
            if node.op_type == "Gather" and node.input[0] in stored:
                found.append(shape_of(graph, node.input[0])[attribute(node, "axis", 0)])
            elif node.op_type in ("Cast", "Identity", "Unsqueeze", "Squeeze"):
                names.append(node.output[0])
    return min(found, default=2)


def _answers_of_file(graph: onnx.ModelProto, batch: int, seed: int) -> tuple[Feed, list[np.ndarray]]:
    """Inputs that ONNX Runtime accepts, and its outputs for them."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.disable_prepacking", "1")  # which keeps a second copy of the weights
    reasons = []
    try:
        session = onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions have no base class of their own
        raise _does_not_run(error) from None
    for size in _SIZES:
        feed = made_up(graph, batch, size, seed)
        try:
            return feed, session.run(None, feed)
        except Exception as error:
            reasons.append(error)
    raise _does_not_run(reasons[0])


def _does_not_run(reason: Exception) -> ModelError:
    return ModelError(
        f"a network is compared with its file on made-up inputs, and ONNX Runtime could not run the file: {reason}"
    )


def _answers_of(network: nn.Module, feed: Feed) -> list[np.ndarray]:
    with torch.no_grad():
        try:
            found = network(*(torch.from_numpy(values) for values in feed.values()))
        except Exception as error:  # whatever its layers happen to raise
            raise ModelError(f"the network made of this file does not run: {error}") from None
    return [one.numpy() for one in (found if isinstance(found, (list, tuple)) else [found])]


def _compare(got: list[np.ndarray], wanted: list[np.ndarray], names: list[str]) -> None:
    for name, ours, theirs in zip(names, got, wanted, strict=True):
        if ours.shape != theirs.shape:
            raise ModelError(
                f"the network made of this file must answer as the file does; its output '{name}' has shape "
                f"{ours.shape}, and the file's {theirs.shape}."
            )
        off, allowed = difference(ours, theirs)
        if not off <= allowed:
            raise ModelError(
                f"the network made of this file must answer as the file does; on made-up inputs its output '{name}' "
                f"is off by {off:.2g} of the largest value, and {allowed:g} is allowed."
            )
