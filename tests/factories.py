"""Runs to test with: whole, plausible ones, made without computing anything. Change what a test is about, by name.

`a_run()` is LeNet-5 on Fashion-MNIST after static INT8; `a_baseline()` the uncompressed network it is compared with;
`a_stopped_run(Status.FAILED, …)` one that never got a file. Numbers follow the shapes that the pipeline makes.
"""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from edgekit.core.artifact import Artifact
from edgekit.core.measurement import Measurement, Origin
from edgekit.core.run import Comparison, Disagreement, Disagreements, Interval, Run, Status

CLASSES, SAMPLES = 10, 10_000
_number = itertools.count(1)


def a_measurement(metric: str, value: float, spread: float = 0.0, how: str = "") -> Measurement:
    """A measured number whose interval is value ± spread; counted where there is no spread."""
    origin = Origin.MEASURED if spread else Origin.COUNTED
    return Measurement(metric=metric, value=value, low=value - spread, high=value + spread, origin=origin, how=how)


def measurements(accuracy: float = 0.9196, size: int = 1_729_000, latency: float = 0.21) -> dict[str, Measurement]:
    """All metrics of a file, from the three that matter most."""
    spread = 1.96 * float(np.sqrt(accuracy * (1 - accuracy) / SAMPLES))
    return {
        m.metric: m
        for m in [
            a_measurement("accuracy", accuracy, spread, f"{SAMPLES:,} test samples, Wilson interval"),
            a_measurement("size_bytes", size),
            a_measurement("shipped_bytes", int(size * 0.93)),
            a_measurement("coded_bytes", int(size * 0.84)),
            a_measurement("weight_bits", int(size * 7.9)),
            a_measurement("latency_ms", latency, latency * 0.02, "200 runs, batch 1, 1 thread"),
            a_measurement("latency_p95_ms", latency * 1.2, latency * 0.05, "200 runs, batch 1, 1 thread"),
            a_measurement("peak_memory_bytes", 6_000_000 + size, 100_000),
            a_measurement("params", 431_080),
            a_measurement("macs", 2_293_000),
        ]
    }


def a_baseline(**changes: Any) -> Run:
    """The uncompressed network: no recipe, nothing to compare with."""
    whole = measurements()
    values = _common() | {"recipe": [], "measurements": whole, "baseline_measurements": whole, "layers": layers(32)}
    return Run(**values | changes)


def a_run(**changes: Any) -> Run:
    """A finished run: static INT8, a quarter of the size, faster, two points of a thousand lost."""
    values = _common() | {
        "recipe": [{"quantize_static": {}}],
        "measurements": measurements(0.9177, 441_000, 0.11),
        "baseline_measurements": measurements(),
        "comparison": Comparison(
            latency_ratio=Interval(value=0.52, low=0.50, high=0.54),
            speed="faster",
            size_ratio=0.255,
            accuracy_difference=Interval(value=-0.0019, low=-0.0034, high=-0.0004),
            p_value=0.013,
        ),
        "disagreements": Disagreements(count=74, total=SAMPLES, examples=_disagreements()),
        "changes": [{"step": 1, "layer": row["layer"], "what": "uint8 activations, int8 weights"} for row in layers(8)],
        "layers": layers(8),
        "seconds": 1.4,
    }
    return Run(**values | changes)


def compared(
    speed: str = "tie",
    ratio: float = 1.0,
    size: float = 1.0,
    difference: float = -0.03,
    spread: float = 0.004,
    p: float = 0.0001,
) -> Comparison:
    """A comparison with the original: three points lost, and as fast as before."""
    return Comparison(
        latency_ratio=Interval(value=ratio, low=ratio - 0.02, high=ratio + 0.02),
        speed=speed,
        size_ratio=size,
        accuracy_difference=Interval(value=difference, low=difference - spread, high=difference + spread),
        p_value=p,
    )


def a_stopped_run(status: Status, error: str = "", **changes: Any) -> Run:
    """A run that failed, was cancelled or was interrupted: no file, no numbers, the reason in `error`."""
    values = _common() | {"recipe": [{"prune_weights": {"sparsity": 0.9}}, {"fine_tune": {"epochs": 3}}]}
    return Run(**values | {"status": status, "error": error, "artifact": None, "confusion": []} | changes)


def layers(bits: int) -> list[dict[str, Any]]:
    """The layer table of LeNet-5 with weights of so many bits."""
    sizes = [
        ("conv1", "Conv", [20, 1, 5, 5], 288_000),
        ("conv2", "Conv", [50, 20, 5, 5], 1_600_000),
        ("fc1", "Gemm", [500, 800], 400_000),
        ("fc2", "Gemm", [10, 500], 5_000),
    ]
    return [
        {"layer": name, "kind": kind, "params": int(np.prod(shape)) + shape[0], "macs": macs, "bits": bits,
         "weight_bits": int(np.prod(shape)) * bits, "zeros": 0.01, "shape": shape, "channels": shape[0],
         "groups": 1}
        for name, kind, shape, macs in sizes
    ]  # fmt: skip


def _common() -> dict[str, Any]:
    number = next(_number)
    sha256 = f"{number:064x}"
    return {
        "id": f"run{number:05d}",
        "model": "lenet5-fashion",
        "model_sha256": "0" * 64,
        "data": "fashion-mnist",
        "samples": SAMPLES,
        "fingerprint": f"fingerprint-{number}",
        "created": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number),
        "status": Status.DONE,
        "artifact": Artifact(path=f"{sha256}.onnx", sha256=sha256, bytes=441_000),
        "confusion": _confusion(number),
        "machine": {"id": "host", "cpu": "A processor", "cores": 2},
        "versions": {"onnxruntime": "1.24"},
    }


def _confusion(seed: int) -> list[list[int]]:
    """Rows are labels: 1,000 samples each, about 92 % on the diagonal."""
    wrong = np.random.default_rng(seed).multinomial(80, [1 / CLASSES] * CLASSES, size=CLASSES)
    return (wrong + np.diag(1000 - wrong.sum(1))).tolist()


def _disagreements() -> list[Disagreement]:
    return [
        Disagreement(sample=17 * i, label=i % 10, before=i % 10, after=(i + 3) % 10, before_confidence=0.61,
                     after_confidence=0.52)
        for i in range(1, 13)
    ]  # fmt: skip
