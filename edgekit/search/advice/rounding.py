"""How weights are rounded decides more than how many bits they have: let them make up for each other's errors."""

from edgekit.search.advice._case import Advice, Case, changed

FEW_BITS = 3


def advice(case: Case) -> Advice | None:
    """Said of weights rounded each by itself, or of very few bits, where accuracy was lost; offers the next better way.

    The next better way is to compensate, which is the default, and then to learn.
    """
    settings = case.step("quantize_weights")
    if settings is None or not case.is_worse:
        return None
    bits = min((row["bits"] for row in case.run.layers if row["bits"]), default=settings.get("bits", 4))
    start = f"At {bits} bits, {case.lost()}. "
    if settings.get("rounding") == "nearest":
        return Advice(
            "Round weights together, not each by itself",
            f"{start}Each weight went to the nearest code by itself, so that errors add up. With rounding compensated, "
            "those still to come make up for them, on calibration samples and without labels.",
            changed(case.recipe, "quantize_weights", rounding=None),
            promises=(case.quality,),
        )
    if bits > FEW_BITS or "rounding" in settings:
        return None
    return Advice(
        "Learn how to round",
        f"{start}Weights made up for each other's errors layer by layer. With rounding reconstructed, each block "
        "learns to put out what it did before, from calibration samples without labels. It takes longest, loses least.",
        changed(case.recipe, "quantize_weights", rounding="reconstructed"),
        promises=(case.quality,),
    )
