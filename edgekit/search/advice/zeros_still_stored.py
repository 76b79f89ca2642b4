"""Zeros alone do not make a file smaller: a zero takes as many bits as any other number, until it is compressed."""

from edgekit.search.advice._case import Advice, Case, percent

SHRUNK = 0.9


def advice(case: Case) -> Advice | None:
    """Said of pruned weights that are still 32-bit floats; offers to store them in fewer bits."""
    comparison = case.run.comparison
    if case.step("prune_weights") is None or case.is_quantized or not comparison or comparison.size_ratio < SHRUNK:
        return None
    return Advice(
        "Why did the file not shrink?",
        f"{percent(case.zeros())} of the weights are zero, but each zero is still stored as a 32-bit float, so the "
        f"file is {case.size()}.{case.shipped()} Fewer bits for every weight shrink the file itself.",
        [*case.recipe, {"quantize_weights": {"bits": 4}}],
    )
