"""NNCF, OpenVINO's compression toolkit, on the ONNX graph: its settings one by one, then mixed, as an expert would.

    python nncf_loop.py GRAPH.onnx SAMPLES.npz '{"folder": …, "minutes": 5}'        (see offers.py)

Post-training quantization in all its variants: presets, ways to choose ranges, both bias corrections, SmoothQuant,
layers left in floats, accuracy control; and convolutions in 8-bit integers with the weights of dense layers in 2 to 8
bits, since ONNX Runtime refuses what NNCF makes of the weights of convolutions. Dense layers stay slow, as NNCF leaves
their biases in floats; so leaving them alone is tried as well. What it trains or prunes, in PyTorch, does not reach the
file: pruned weights are stored as zeros, and 8 bits lose hardly anything without training.
"""

import copy
import itertools
import os
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

os.environ["NNCF_CI"] = "1"  # then it sends nothing home, for which it waits minutes where it cannot

import logging

import nncf
import numpy as np
import onnx
import onnxruntime
from nncf import CompressWeightsMode, IgnoredScope, QuantizationPreset
from nncf.quantization.advanced_parameters import (
    AdvancedCompressionParameters,
    AdvancedQuantizationParameters,
    GroupSizeFallbackMode,
    OverflowFix,
)
from nncf.quantization.range_estimator import RangeEstimatorParametersSet as Ranges
from offers import BATCH, Make, Offers

BATCH_SIZES = {300: 10, 1000: 50}  # calibration samples -> how many of them at a time
PRESETS = (QuantizationPreset.MIXED, QuantizationPreset.PERFORMANCE)
OVERFLOW = (OverflowFix.DISABLE, OverflowFix.FIRST_LAYER, OverflowFix.ENABLE)
RANGES = ("", "MINMAX", "MEAN_MINMAX", "MEAN_NO_OUTLIERS_MINMAX", "MEAN_QUANTILE", "HISTOGRAM")
DROPS = (0.001, 0.003, 0.01)
WEIGHTS = ("INT4_SYM", "INT4_ASYM", "INT8_SYM", "INT3_SYM", "INT2_SYM")
GROUPS = (-1, 128, 32)  # inputs of a dense layer that share a scale; -1 for all


@dataclass(frozen=True)
class Settings:
    """Of one trial.

    Attributes:
        drop: the most that accuracy control may lose, a fraction; without it if None.
        dense: how the weights of dense layers are stored, (mode, group size); in 8 bits like all others if None.
    """

    preset: QuantizationPreset = PRESETS[0]
    fast: bool = True
    overflow: OverflowFix = OVERFLOW[0]
    ranges: str = RANGES[0]
    samples: int = 300
    smooth: float | None = None
    skipped: tuple[str, ...] = ()
    drop: float | None = None
    dense: tuple[str, int] | None = None

    def __str__(self) -> str:
        return " ".join(f"{name}={value}" for name, value in vars(self).items() if value not in (None, (), ""))


CHOICES: dict[str, tuple[Any, ...]] = {
    "dense": tuple(itertools.product(WEIGHTS, GROUPS)), "preset": PRESETS, "ranges": RANGES, "fast": (True, False),
    "overflow": OVERFLOW, "samples": tuple(BATCH_SIZES), "smooth": (0.25, 0.5, 0.95), "drop": DROPS,
}  # fmt: skip


def made(offers: Offers, wanted: Settings) -> onnx.ModelProto:
    """What NNCF makes of the graph."""
    dense = [node.name for node in offers.graph.graph.node if node.op_type in ("Gemm", "MatMul")]
    data = nncf.Dataset(offers.batches(wanted.samples, BATCH_SIZES[wanted.samples]))
    left_out = {*wanted.skipped, *(dense if wanted.dense else ())}
    advanced = AdvancedQuantizationParameters(
        overflow_fix=wanted.overflow, smooth_quant_alpha=wanted.smooth, batchwise_statistics=True,
        **{"activations_range_estimator_params": getattr(Ranges, wanted.ranges)} if wanted.ranges else {},
    )  # fmt: skip
    common = {
        "preset": wanted.preset, "fast_bias_correction": wanted.fast, "ignored_scope": IgnoredScope(names=[*left_out]),
        "subset_size": wanted.samples // BATCH_SIZES[wanted.samples],
    }  # fmt: skip
    graph = copy.deepcopy(offers.graph)
    if wanted.drop is None:
        graph = nncf.quantize(graph, data, advanced_parameters=advanced, **common)
    else:
        graph = nncf.quantize_with_accuracy_control(
            graph, data, nncf.Dataset(_labelled(offers)), validation_fn=_accuracy, max_drop=wanted.drop,
            advanced_quantization_parameters=advanced, **common,
        )  # fmt: skip
    if wanted.dense is None:
        return graph
    mode, group = wanted.dense
    others = [node.name for node in graph.graph.node if node.op_type == "Conv"]
    grouped = {} if mode.startswith("INT8") else {"group_size": group, "ratio": 1.0, "all_layers": True}
    smaller = AdvancedCompressionParameters(group_size_fallback_mode=GroupSizeFallbackMode.ADJUST)
    return nncf.compress_weights(
        graph, mode=CompressWeightsMode[mode], ignored_scope=IgnoredScope(names=others), advanced_parameters=smaller,
        **grouped,
    )  # fmt: skip


def settings(offers: Offers) -> Iterator[Settings]:
    """One change at a time from what suits a processor with 8-bit instructions, then random mixes without end."""
    layers = [node.name for node in offers.graph.graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]
    dense = tuple(node.name for node in offers.graph.graph.node if node.op_type in ("Gemm", "MatMul"))
    skips = {"skipped": (dense, (layers[0],), (layers[0], *dense), *((layer,) for layer in layers[1:]))}
    yield Settings()
    for name, values in (CHOICES | skips).items():
        yield from (Settings(**{name: value}) for value in values if value != getattr(Settings, name))
    draw, choices = random.Random(0), {"dense": (None,), "smooth": (None,), "skipped": ((),), "drop": (None,)}
    mixed = {name: (*choices.get(name, ()), *values) for name, values in (CHOICES | skips).items()}
    while True:
        yield Settings(**{name: draw.choice(values) for name, values in mixed.items()})


def candidates(offers: Offers) -> Iterator[tuple[str, Make]]:
    """Each of the settings once."""
    seen = set()
    for wanted in settings(offers):
        if wanted not in seen:
            seen.add(wanted)
            yield str(wanted), partial(made, offers, wanted)


def _labelled(offers: Offers) -> list[tuple[dict, np.ndarray]]:
    inputs, labels = offers.samples["inputs"], offers.samples["labels"]
    starts = range(0, len(inputs), BATCH)
    return [({offers.name: inputs[start : start + BATCH]}, labels[start : start + BATCH]) for start in starts]


def _accuracy(graph: onnx.ModelProto, batches: Iterable[tuple[dict, np.ndarray]]) -> tuple[float, None]:
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    right = [session.run(None, inputs)[0].argmax(1) == labels for inputs, labels in batches]
    return float(np.concatenate(right).mean()), None


def main() -> None:
    """Try until the time is up."""
    nncf.set_log_level(logging.ERROR)
    offers = Offers.asked()
    offers.try_all(candidates(offers))


if __name__ == "__main__":
    main()
