"""A very small file is mostly graph: names, shapes, scales and the decoder of its codes, which no fewer bits shrink."""

from edgekit.search.advice._case import Advice, Case, percent, size

HALF = 0.5


def advice(case: Case) -> Advice | None:
    """Said of a quantized file whose weights are less than half of it; there is nothing to apply."""
    if not case.is_quantized or not {"size_bytes", "weight_bits"} <= case.run.measurements.keys():
        return None
    whole, weights = case.run.measurements["size_bytes"].value, case.run.measurements["weight_bits"].value / 8
    if weights >= HALF * whole:
        return None
    return Advice(
        "Why does the file not get smaller?",
        f"Of {size(whole)} only {size(weights)} are weights. The other {percent(1 - weights / whole)} are the graph: "
        "operators, names, shapes, biases and what decodes the weights. Fewer bits do not shrink that; fewer layers "
        f"do.{case.shipped()}",
    )
