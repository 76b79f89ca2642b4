"""Where a slider position would land, said at once from a table of measurements, before anything is compressed.

Size is exact: it was counted from the file of this very position. Quality adds the losses of the two halves on the
logit scale; its band is that rule's measured error. Latency scales the measured time of each layer by the
multiply-accumulates it has left. What a table does not know is left out, so a ghost may lack an axis.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from edgekit.core.measurement import Measurement, Origin
from edgekit.core.run import Run
from edgekit.search.sensitivity import Sensitivity, key, known_table, logit

if TYPE_CHECKING:
    from edgekit.store.store import Store

LATENCY_BAND = 0.25  # share of the estimate; wider than the errors seen, since caches and fusion are not modelled


def predict(model_id: str, recipe: list[dict], baseline: Run, store: Store | None = None) -> dict[str, Measurement]:
    """Estimates for a recipe made of at most one pruning and one quantization, as the sliders make them.

    Args:
        recipe: steps as YAML would hold them. A training step between the two leaves quality unknown.
        baseline: the measured float file on this host, which every estimate is relative to.
        store: where tables are that were measured here; None for those alone that came with a model.

    Returns:
        metric -> Measurement with origin ESTIMATED (size: COUNTED, from the table); empty where there is no table.
    """
    table = known_table(model_id, baseline.model_sha256, store)
    if table is None:
        return {}
    trained = [step for step in recipe if "fine_tune" in step]
    steps = [step for step in recipe if step not in trained]
    pruning, quantization = _halves(steps)
    found = {}
    if (size := table.size_bytes.get(f"{key(pruning)} {key(quantization)}")) is not None:
        found["size_bytes"] = Measurement.exact("size_bytes", size, "counted before, from the file of this recipe")
        found["latency_ms"] = _latency(table, pruning, quantization, baseline)
        if not trained and table.metric in baseline.measurements:
            found[table.metric] = _quality(table, pruning, quantization, baseline)
    return found


def _quality(table: Sensitivity, pruning: list[dict], quantization: list[dict], baseline: Run) -> Measurement:
    """In the metric of the table.

    Its noise is that of a share of n samples, of which no mean of n scores between 0 and 1 has more.
    """
    n = table.samples
    before = logit(table.quality["[]"], n)
    moved = sum(logit(table.quality[key(half)], n) - before for half in (pruning, quantization))
    measured = baseline.measurements[table.metric]
    centre = logit(measured.value, baseline.samples) + moved
    noise = 2 / math.sqrt(n)  # the logit of a share of n samples is known to about this at 80–95 %
    band = 1.96 * math.hypot(table.logit_error, noise) if pruning or quantization else noise
    value, low, high = (1 / (1 + math.exp(-x)) for x in (centre, centre - band, centre + band))
    how = f"from what pruning and quantization did alone on {n:,} validation samples"
    return Measurement(metric=table.metric, value=value, low=low, high=high, origin=Origin.ESTIMATED, how=how)


def _latency(table: Sensitivity, pruning: list[dict], quantization: list[dict], baseline: Run) -> Measurement:
    times = table.layer_ms.get("int8" if _runs_in_int8(quantization) else "float") or table.layer_ms["float"]
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
