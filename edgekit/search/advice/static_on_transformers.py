"""Fixed ranges suit attention badly: what its products take differs from one text to the next by far."""

from edgekit.search.advice._case import Advice, Case, counted, replaced


def advice(case: Case) -> Advice | None:
    """Said of static INT8 on a network that multiplies activations by activations; offers dynamic INT8."""
    if case.step("quantize_static") is None or not case.is_worse:
        return None
    products = [row for row in case.baseline.layers if row["kind"] == "MatMul" and not row["params"]]
    if not products:
        return None
    return Advice(
        "Fixed ranges on a transformer",
        f"Activations meet activations in {counted(len(products), 'product')}, as in attention, and how large they "
        f"are differs by far, between channels and between samples. With ranges fixed beforehand: {case.lost()}. "
        "Dynamic quantization finds each range anew, leaves sums as floats, and makes matrix products fast too.",
        replaced(case.recipe, "quantize_static", {"quantize_dynamic": {}}),
        promises=(case.quality,),
    )
