"""Few zeros do not make a file smaller: each is stored like any other number, unless leaving it out saves something."""

import math

from edgekit.search.advice._case import Advice, Case, percent

SHRUNK = 0.9


def advice(case: Case) -> Advice | None:
    """Said of pruned weights that are all still 32-bit floats; offers to store them in fewer bits."""
    comparison = case.run.comparison
    if case.step("prune_weights") is None or case.is_quantized or not comparison or comparison.size_ratio < SHRUNK:
        return None
    if not _all_stored(case):
        return None
    return Advice(
        "Why did the file not shrink?",
        f"{percent(case.zeros())} of the weights are zero, but each zero is still stored as a 32-bit float, so the "
        f"file is {case.size()}.{case.shipped()} Fewer bits for every weight shrink the file itself.",
        [*case.recipe, {"quantize_weights": {"bits": 4}}],
        promises=("size_bytes",),
    )


def _all_stored(case: Case) -> bool:
    """Whether every layer stores 32 bits for each of its weights, zeros too."""
    rows = [row for row in case.run.layers if row.get("shape")]
    return all(row["weight_bits"] >= 32 * math.prod(row["shape"]) for row in rows)
