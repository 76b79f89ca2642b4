"""Dynamic 8-bit quantization suits matrix products; convolutions it leaves as floats, or slows down."""

from edgekit.search.advice._case import Advice, Case, percent, replaced


def advice(case: Case) -> Advice | None:
    """Said of dynamic INT8 that is not faster on a network of convolutions; offers static INT8."""
    if case.step("quantize_dynamic") is None or case.is_faster or not case.run.comparison:
        return None
    work = [(row["macs"] or 0, "Conv" in row["kind"]) for row in case.baseline.layers]
    share = sum(macs for macs, is_convolution in work if is_convolution) / max(1, sum(macs for macs, _ in work))
    if share < 0.5:
        return None
    return Advice(
        "Why is dynamic INT8 not faster here?",
        f"Convolutions do {percent(share)} of this network's work, and dynamic quantization does not speed them up: "
        f"{case.speed()}. Static quantization fixes the ranges beforehand, which makes convolutions fast too.",
        replaced(case.recipe, "quantize_dynamic", {"quantize_static": {}}),
        promises=("latency_ms",),
    )
