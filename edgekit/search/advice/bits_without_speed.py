"""Low-bit weights alone do not make a network faster: they are widened to floats before they are multiplied."""

from edgekit.search.advice._case import Advice, Case, changed


def advice(case: Case) -> Advice | None:
    """Said of a weight-only quantization that is not faster; offers 8-bit activations as well."""
    settings = case.step("quantize_weights")
    if settings is None or settings.get("activations", "float") != "float" or case.is_faster or not case.run.comparison:
        return None
    bits = settings.get("bits", 4)
    return Advice(
        "Why is it not faster with fewer bits?",
        f"The weights lie in the file as {bits}-bit codes, and become floats again when it is loaded, so every "
        f"multiplication is the same as before: {case.speed()}. The file is what shrinks: {case.size()}. "
        "To be faster, activations must be integers too.",
        changed(case.recipe, "quantize_weights", activations="int8"),
        promises=("latency_ms",),
    )
