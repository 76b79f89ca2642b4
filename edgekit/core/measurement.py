"""A number with all that makes it honest: interval, unit, device, and whether it was counted, measured or estimated."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel


class Origin(StrEnum):
    """Where a number comes from. Charts draw ESTIMATED hollow, and never as if it were measured."""

    COUNTED = "counted"
    MEASURED = "measured"
    ESTIMATED = "estimated"


@dataclass(frozen=True)
class Metric:
    """A quantity that a run may have: title for people, unit, and whether more is better."""

    id: str
    title: str
    unit: str
    more_is_better: bool = False


METRICS = {
    metric.id: metric
    for metric in [
        Metric("accuracy", "Accuracy", "fraction", more_is_better=True),
        Metric("agreement", "Agreement with the original", "fraction", more_is_better=True),
        Metric("random_agreement", "Agreement on random inputs", "fraction", more_is_better=True),
        Metric("r2", "Variance explained (R²)", "fraction", more_is_better=True),
        Metric("verification", "Verification (1 − equal error rate)", "fraction", more_is_better=True),
        Metric("bleu", "BLEU", "fraction", more_is_better=True),
        Metric("map", "mAP@0.5 (mean average precision)", "fraction", more_is_better=True),
        Metric("auc", "AUC (anomalies above normal samples)", "fraction", more_is_better=True),
        Metric("map_strict", "mAP@0.5:0.95", "fraction", more_is_better=True),
        Metric("macro_f1", "Macro F1", "fraction", more_is_better=True),
        Metric("tar_at_far1", "Right pairs let in, with 1 % of wrong ones", "fraction", more_is_better=True),
        Metric("tpr_at_fpr5", "Anomalies found, with 5 % false alarms", "fraction", more_is_better=True),
        Metric("token_accuracy", "Token accuracy (after the right ones)", "fraction", more_is_better=True),
        Metric("sqnr_db", "Signal over quantization noise", "dB", more_is_better=True),
        Metric("size_bytes", "Size on disk", "bytes"),
        Metric("shipped_bytes", "Size as shipped (zstd)", "bytes"),
        Metric("coded_bytes", "Size once coded", "bytes"),
        Metric("weight_bits", "Weights", "bits"),
        Metric("latency_ms", "Latency (median)", "ms"),
        Metric("latency_p95_ms", "Latency (95th percentile)", "ms"),
        Metric("peak_memory_bytes", "Peak memory", "bytes"),
        Metric("params", "Parameters", "parameters"),
        Metric("macs", "Multiply-accumulates", "MACs"),
        Metric("energy_mj", "Energy of one inference", "mJ"),
        Metric("power_w", "Average power", "W"),
    ]
}
QUALITIES = (  # how good a file is; a task tells by which of these
    "accuracy", "agreement", "random_agreement", "r2", "verification", "bleu", "map", "auc",
)  # fmt: skip
BY_TASK = (  # what some tasks have and others have not
    *QUALITIES, "map_strict", "macro_f1", "tar_at_far1", "tpr_at_fpr5", "token_accuracy", "sqnr_db",
)  # fmt: skip

OF_DEVICES = ("energy_mj", "power_w")  # what is estimated of other devices only


class Measurement(BaseModel, frozen=True, extra="forbid"):
    """One metric of one file.

    Attributes:
        metric: a key of METRICS.
        low, high: the 95 % interval; equal to `value` where a number is exact.
        origin: counted, measured or estimated.
        device: the host's id, or the name of the device an estimate is for; empty where it does not matter.
        how: a few words: samples, threads, runs, runtime.
    """

    metric: str
    value: float
    low: float
    high: float
    origin: Origin
    device: str = ""
    how: str = ""

    @property
    def unit(self) -> str:
        return METRICS[self.metric].unit

    @classmethod
    def exact(cls, metric: str, value: float, how: str) -> "Measurement":
        """A counted number: no interval."""
        return cls(metric=metric, value=value, low=value, high=value, origin=Origin.COUNTED, how=how)

    def as_json(self) -> dict:
        """The stable form of the command line: value, low, high, unit, origin, how."""
        return {
            "value": self.value, "low": self.low, "high": self.high,
            "unit": self.unit, "origin": self.origin.value, "how": self.how,
        }  # fmt: skip


def paired_test(metric: str) -> str:
    """What tells a difference in one of QUALITIES from chance: McNemar's test where every sample is right or wrong."""
    return "McNemar's test" if metric in ("accuracy", "agreement", "random_agreement") else "a paired bootstrap"


def quality(measurements: Mapping[str, Measurement]) -> Measurement | None:
    """The one of the measurements that says how good a file is; None where it is not known."""
    return next((measurements[metric] for metric in QUALITIES if metric in measurements), None)
