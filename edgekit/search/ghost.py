"""Where a slider position would land, said at once from a table of measurements, before anything is compressed.

Size is exact: it was counted from the file of this very position. Accuracy adds the losses of the two halves on the
logit scale; its band is that rule's measured error. Latency scales the measured time of each layer by the
multiply-accumulates it has left. What a table does not know is left out, so a ghost may lack an axis.
"""

import functools
import math

from edgekit.core.measurement import Measurement, Origin
from edgekit.core.run import Run
from edgekit.search.sensitivity import Sensitivity, key, logit, table_path

LATENCY_BAND = 0.25  # share of the estimate; wider than the errors seen, since caches and fusion are not modelled


def predict(model_id: str, recipe: list[dict], baseline: Run) -> dict[str, Measurement]:
    """Estimates for a recipe made of at most one pruning and one quantization, as the sliders make them.

    Args:
        recipe: steps as YAML would hold them. A training step between the two leaves accuracy unknown.
        baseline: the measured float file on this host, which every estimate is relative to.

    Returns:
        metric -> Measurement with origin ESTIMATED (size: COUNTED, from the table); empty where there is no table.
    """
    table = _table(model_id)
    if table is None or table.model_sha256 != baseline.model_sha256:
        return {}
    trained = [step for step in recipe if "fine_tune" in step]
    steps = [step for step in recipe if step not in trained]
    pruning, quantization = _halves(steps)
    found = {}
    if (size := table.size_bytes.get(f"{key(pruning)} {key(quantization)}")) is not None:
        found["size_bytes"] = Measurement.exact("size_bytes", size, "counted before, from the file of this recipe")
        found["latency_ms"] = _latency(table, pruning, quantization, baseline)
        if not trained:
            found["accuracy"] = _accuracy(table, pruning, quantization, baseline)
    return found


def _accuracy(table: Sensitivity, pruning: list[dict], quantization: list[dict], baseline: Run) -> Measurement:
    n = table.samples
    before = logit(table.accuracy["[]"], n)
    moved = sum(logit(table.accuracy[key(half)], n) - before for half in (pruning, quantization))
    measured = baseline.measurements["accuracy"]
    centre = logit(measured.value, baseline.samples) + moved
    noise = 2 / math.sqrt(n)  # the logit of a share of n samples is known to about this at 80–95 % accuracy
    band = 1.96 * math.hypot(table.logit_error, noise) if pruning or quantization else noise
    value, low, high = (1 / (1 + math.exp(-x)) for x in (centre, centre - band, centre + band))
    how = f"from what pruning and quantization did alone on {n:,} validation samples"
    return Measurement(metric="accuracy", value=value, low=low, high=high, origin=Origin.ESTIMATED, how=how)


def _latency(table: Sensitivity, pruning: list[dict], quantization: list[dict], baseline: Run) -> Measurement:
    times = table.layer_ms["int8" if _runs_in_int8(quantization) else "float"]  # layer -> ms
    left = table.macs_left[key(pruning)]
    share = sum(ms * left.get(layer, 1.0) for layer, ms in times.items()) / sum(times.values())
    measured = baseline.measurements["latency_ms"]
    value = measured.value * table.latency_ratio.get(key(quantization), 1.0) * share
    return Measurement(
        metric="latency_ms", value=value, low=value * (1 - LATENCY_BAND), high=value * (1 + LATENCY_BAND),
        origin=Origin.ESTIMATED, device=measured.device, how="from the time of each layer and the work left in it",
    )  # fmt: skip


def _halves(steps: list[dict]) -> tuple[list[dict], list[dict]]:
    pruning = [step for step in steps if next(iter(step)).startswith("prune")]
    return pruning, [step for step in steps if step not in pruning]


def _runs_in_int8(quantization: list[dict]) -> bool:
    return any(
        "quantize_static" in s or s.get("quantize_weights", {}).get("activations") == "int8" for s in quantization
    )


@functools.cache
def _table(model_id: str) -> Sensitivity | None:
    path = table_path(model_id)
    return Sensitivity.model_validate_json(path.read_text()) if path.is_file() else None
