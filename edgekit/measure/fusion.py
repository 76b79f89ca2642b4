"""What fusing operators is worth: one file at each of ONNX Runtime's optimisation levels, timed by turns.

Plain sessions optimise fully while they load, so "disabled" is what the same file would take in a runtime that fuses
nothing. "all" also lays weights out for the processor at hand.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from edgekit.core.interval import Interval
from edgekit.core.measurement import Measurement
from edgekit.core.progress import Progress, silent
from edgekit.measure.latency import speed, time_by_turns
from edgekit.measure.session import refusal

LEVELS = {
    "disabled": "every operator by itself",
    "basic": "constants worked out, batch normalisation folded",
    "extended": "activations inside convolutions and products, integers without a detour over floats",
    "all": "also weights laid out for this processor, and sums inside convolutions",
}


@dataclass(frozen=True)
class FusionRow:
    """One level.

    Attributes:
        level: "disabled", "basic", "extended" or "all".
        what: what it does, in words.
        operators: kind of operator -> how many of them run.
        latency_ms: the median for one sample.
        ratio: its time over that of "disabled", from the same turns.
        speed: "faster", "slower" or "tie" against "disabled".
    """

    level: str
    what: str
    operators: dict[str, int]
    latency_ms: Measurement
    ratio: Interval
    speed: str


def fusion_latencies(path: Path, threads: int = 1, progress: Progress = silent) -> list[FusionRow]:
    """A row for each level, from no optimisation to all of it.

    Raises:
        MeasureError: the file cannot be run here.
    """
    turns = time_by_turns([path] * len(LEVELS), list(LEVELS), threads, progress)
    rows = []
    for place, (level, what) in enumerate(LEVELS.items()):
        ratio = turns.ratio([place], [0])
        found = operators(path, level)
        rows.append(FusionRow(level, what, found, turns.latency(place).latency_ms, ratio, speed(ratio)))
    return rows


def operators(path: Path, level: str) -> dict[str, int]:
    """The operators that ONNX Runtime runs for a file at a level, most frequent first.

    Raises:
        MeasureError: the file cannot be opened.
    """
    import onnx
    import onnxruntime

    kinds = onnxruntime.GraphOptimizationLevel
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(
        kinds, "ORT_DISABLE_ALL" if level == "disabled" else f"ORT_ENABLE_{level.upper()}"
    )
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder) / "optimised.onnx")
        try:
            onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's exceptions have no base class of their own
            raise refusal(path, type(error).__name__, str(error)) from None
        nodes = onnx.load(options.optimized_model_filepath, load_external_data=False).graph.node
    return dict(Counter(node.op_type for node in nodes).most_common())
