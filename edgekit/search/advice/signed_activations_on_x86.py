"""Signed 8-bit activations are slow on x86: its fast instructions multiply unsigned by signed integers."""

from edgekit.search.advice._case import Advice, Case, changed


def advice(case: Case) -> Advice | None:
    """Said of static INT8 with int8 activations on x86; offers to let the processor choose."""
    settings, machine = case.step("quantize_static"), case.run.machine
    signed = settings is not None and settings.get("activation_type") == "int8"
    if not signed or machine.get("architecture") not in ("x86_64", "AMD64") or not case.run.comparison:
        return None
    return Advice(
        "Signed activations slow this processor down",
        f"{machine.get('cpu', 'This processor')} multiplies unsigned by signed 8-bit integers at full speed, and with "
        f"int8 activations some layers stay float: it takes {case.speed()}. Unsigned activations suit it better.",
        changed(case.recipe, "quantize_static", activation_type=None),
        promises=("latency_ms",),
    )
