"""8-bit integers pay per multiplication and cost per layer: a network of little work gets slower."""

from edgekit.search.advice._case import Advice, Case, milliseconds, replaced


def advice(case: Case) -> Advice | None:
    """Said of static INT8 that is not faster; offers integers in the file only, with floats to compute with."""
    settings = case.step("quantize_static")
    if settings is None or case.is_faster or not case.run.comparison:
        return None
    if {"activation_type", "weight_type"} & set(settings):  # then these may be why
        return None
    working = [row["macs"] for row in case.run.layers if row["macs"]]
    before = case.before("latency_ms")
    if not working or before is None:
        return None
    return Advice(
        "Why is INT8 not faster here?",
        f"Before, all of the network took {milliseconds(before.value)}: its {len(working)} layers multiply "
        f"{sum(working) / len(working):,.0f} times each. Turning values into integers and back costs time of its own "
        f"in every layer, more than integers save on so little: {case.speed()}. Integers in the file alone make it as "
        "small, and it computes with floats as before.",
        replaced(case.recipe, "quantize_static", {"quantize_weights": {"bits": 8}}),
        promises=("latency_ms",),
    )
