"""Numbers that carry their unit, interval and origin."""

import pytest
from pydantic import ValidationError

from edgekit.core.measurement import BY_TASK, METRICS, Measurement, Origin, quality


def test_a_counted_number_has_no_interval():
    found = Measurement.exact("params", 431_080, "counted in the file")
    assert (found.low, found.value, found.high, found.origin) == (431_080, 431_080, 431_080, Origin.COUNTED)


def test_the_unit_follows_from_the_metric():
    assert Measurement.exact("latency_ms", 1, "").unit == "ms"


def test_as_json_is_what_the_command_line_promises():
    found = Measurement(
        metric="accuracy", value=0.9, low=0.89, high=0.91, origin=Origin.MEASURED, device="h", how="10,000 samples"
    )
    assert found.as_json() == {
        "value": 0.9, "low": 0.89, "high": 0.91, "unit": "fraction", "origin": "measured", "how": "10,000 samples",
    }  # fmt: skip


def test_the_metrics_are_these_and_only_those_of_quality_are_better_when_larger():
    assert list(METRICS) == [
        "accuracy", "agreement", "random_agreement", "r2", "verification", "bleu", "map", "auc", "map_strict",
        "macro_f1", "tar_at_far1", "tpr_at_fpr5", "token_accuracy", "sqnr_db", "size_bytes", "shipped_bytes",
        "coded_bytes", "weight_bits", "latency_ms", "latency_p95_ms", "peak_memory_bytes", "params", "macs",
        "energy_mj", "power_w",
    ]  # fmt: skip
    assert [metric.id for metric in METRICS.values() if metric.more_is_better] == list(BY_TASK)


def test_how_good_a_file_is_has_one_number_of_either_kind():
    accuracy, agreement = (Measurement.exact(metric, 0.9, "") for metric in ("accuracy", "agreement"))
    size = Measurement.exact("size_bytes", 10, "")
    assert quality({"size_bytes": size, "accuracy": accuracy}) is accuracy
    assert quality({"agreement": agreement}) is agreement
    assert quality({"size_bytes": size}) is None


def test_what_a_measurement_does_not_have_is_refused():
    with pytest.raises(ValidationError):
        Measurement(metric="params", value=1, low=1, high=1, origin="counted", colour="red")
