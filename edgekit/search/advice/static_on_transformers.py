"""Fixed ranges suit attention badly: what its products take differs from one text to the next by far."""

from edgekit.search.advice._case import Advice, Case, replaced


def advice(case: Case) -> Advice | None:
    """Said of static INT8 on a network that multiplies activations by activations; offers dynamic INT8."""
    if case.step("quantize_static") is None or not case.is_worse:
        return None
    products = [row for row in case.baseline.layers if row["kind"] == "MatMul" and not row["params"]]
    if not products:
        return None
    return Advice(
        "Fixed ranges on a transformer",
        f"{len(products)} products multiply what the network computes by itself, as attention does, and how large that "
        f"is differs from one sample to the next. With ranges fixed beforehand: {case.lost()}. Dynamic quantization "
        "finds each range anew, and matrix products are fast with it too.",
        replaced(case.recipe, "quantize_static", {"quantize_dynamic": {}}),
        promises=(case.quality,),
    )
