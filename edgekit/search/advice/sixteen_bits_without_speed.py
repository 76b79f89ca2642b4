"""16-bit integers are no faster than floats: ONNX Runtime has no kernels for them on a CPU and turns them back."""

from edgekit.search.advice._case import Advice, Case, changed

SIXTEEN = {"activation_type": "uint16", "weight_type": "int16"}


def advice(case: Case) -> Advice | None:
    """Said of static quantization with 16-bit codes that is not faster; offers 8 bits."""
    settings = case.step("quantize_static")
    if settings is None or case.is_faster or not case.run.comparison:
        return None
    wide = [f"{kind} {name.split('_')[0]}s" for name, kind in SIXTEEN.items() if settings.get(name) == kind]
    if not wide:
        return None
    return Advice(
        "Why are 16-bit integers not faster?",
        f"The runtime has no kernels for {' and '.join(wide)}, so they become floats before they are multiplied: "
        f"{case.speed()}. With 8 bits for both, products are made of integers.",
        changed(case.recipe, "quantize_static", **dict.fromkeys(SIXTEEN)),
        promises=("latency_ms",),
    )
