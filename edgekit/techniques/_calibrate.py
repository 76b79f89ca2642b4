"""One pass of calibration samples through the float graph, to see what its activations hold."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import onnx
import onnxruntime

from edgekit.core.progress import Progress
from edgekit.techniques._once import once
from edgekit.techniques._ranges import Seen

BATCH = 32
BATCH_BYTES = 2**26  # of watched activations held at a time
VALUES = 2**17  # kept of each tensor: a share of 99.99 % still leaves thirteen above it


def watch(graph: onnx.ModelProto, names: Sequence[str], inputs: np.ndarray, progress: Progress) -> dict[str, Seen]:
    """Run `inputs` (n, ...) through the graph and say what each named tensor held.

    The extremes are exact. Of the values every s-th is kept, s being odd, so that no row or channel is favoured.
    """
    seen = once("activations", (graph, list(names), inputs), lambda: _watch(graph, names, inputs, progress))
    progress(1.0, "calibration done")
    return seen


def _watch(graph: onnx.ModelProto, names: Sequence[str], inputs: np.ndarray, progress: Progress) -> dict[str, Seen]:
    session = open_session(graph, names)
    lows, highs = dict.fromkeys(names, np.inf), dict.fromkeys(names, -np.inf)
    halfway: dict[str, tuple[float, float]] = {}
    kept: dict[str, list[np.ndarray]] = {name: [] for name in names}
    half = len(inputs) // (2 * _fixed_batch(session)) * _fixed_batch(session)
    for begin, stretch in ((0, inputs[:half]), (half, inputs[half:])):
        halfway = {name: (lows[name], highs[name]) for name in names if begin}
        for start, batch, values in batches(session, names, stretch):
            progress((begin + start) / len(inputs), f"calibration sample {begin + start + 1} of {len(inputs)}")
            for name, value in zip(names, values, strict=True):
                flat = value.reshape(-1)
                lows[name] = min(lows[name], float(flat.min()))
                highs[name] = max(highs[name], float(flat.max()))
                every = flat.size * len(inputs) // (batch * VALUES) | 1
                kept[name].append(flat[::every].copy())
    return {name: Seen(lows[name], highs[name], np.concatenate(kept[name]), halfway.get(name)) for name in names}


def batches(
    session: onnxruntime.InferenceSession,
    names: Sequence[str],
    inputs: np.ndarray,
    besides: Mapping[str, np.ndarray] | None = None,
) -> Iterator[tuple[int, int, list[np.ndarray]]]:
    """(first sample, number of samples, values of each tensor), in batches that fit in BATCH_BYTES.

    Args:
        besides: what else is fed, the same with every batch.
    """
    feed = session.get_inputs()[0]
    size, start = _fixed_batch(session), 0
    while start < len(inputs):
        batch = inputs[start : start + size]
        values = session.run(list(names), {feed.name: batch, **(besides or {})})
        yield start, len(batch), values
        start += len(batch)
        if not isinstance(feed.shape[0], int):
            size = max(1, min(BATCH, BATCH_BYTES * len(batch) // sum(value.nbytes for value in values)))


def _fixed_batch(session: onnxruntime.InferenceSession) -> int:
    """How many samples a graph takes at a time where that is written into it, else 1."""
    size = session.get_inputs()[0].shape[0]
    return size if isinstance(size, int) else 1


def open_session(graph: onnx.ModelProto, names: Sequence[str]) -> onnxruntime.InferenceSession:
    """A session that gives these tensors."""
    watched = onnx.ModelProto()
    watched.CopyFrom(graph)
    del watched.graph.output[:]
    watched.graph.output.extend(onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, None) for n in names)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only: they are raised, and nothing else concerns a person
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(watched.SerializeToString(), options, providers=["CPUExecutionProvider"])
