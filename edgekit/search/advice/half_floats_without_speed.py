"""16-bit floats do not make a network faster on a CPU: it computes with 32."""

from edgekit.search.advice._case import Advice, Case, replaced


def advice(case: Case) -> Advice | None:
    """Said of FP16 that is not faster; offers 8-bit integers, which are."""
    if case.step("quantize_fp16") is None or case.is_faster or not case.run.comparison:
        return None
    return Advice(
        "Why is FP16 not faster?",
        f"Half the bits, half the file: {case.size()}. But this processor has no fast 16-bit arithmetic that the "
        f"runtime uses, so it takes {case.speed()}. 8-bit integers are smaller still, and faster.",
        replaced(case.recipe, "quantize_fp16", {"quantize_static": {}}),
        promises=("latency_ms",),
    )
