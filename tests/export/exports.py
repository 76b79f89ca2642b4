"""What came of an export, without exporting."""

from edgekit.core.interval import Interval
from edgekit.core.measurement import Measurement
from edgekit.export.exported import Exported
from tests.factories import a_measurement


def an_export(**changes) -> Exported:
    """A LiteRT file of integers that holds what it must."""
    values = {
        "run": "run00001", "model": "lenet5-fashion", "format": "litert", "title": "LiteRT (TFLite)",
        "precision": "int8", "main": "a.tflite", "files": {"a.tflite": 450_000}, "size_bytes": 450_000, "again": True,
        "runtime": "LiteRT 2.3.0", "samples": 500, "quality": accuracy(0.922), "original": accuracy(0.924),
        "points_lost": 0.2, "disagreements": 3, "latency": a_measurement("latency_ms", 0.05, 0.001),
        "original_latency": a_measurement("latency_ms", 0.1, 0.001), "ratio": interval(0.5), "speed": "faster",
    }  # fmt: skip
    return Exported(**values | changes)


def accuracy(value: float) -> Measurement:
    return a_measurement("accuracy", value, 0.02)


def interval(value: float) -> Interval:
    return Interval(value=value, low=0.98 * value, high=1.02 * value)
