"""The same network at the same bits, rounded after training and with training: two recipes to look at side by side."""

from dataclasses import dataclass
from typing import Any

Steps = list[dict[str, dict[str, Any]]]


@dataclass(frozen=True)
class RoundingPair:
    """Recipes that differ in their last step alone: quantization after training, and quantization-aware training."""

    bits: int
    after: Steps
    aware: Steps


def rounding_pair(recipe: Steps) -> RoundingPair | None:
    """The pair that a recipe belongs to; None unless it ends by making weights and activations integers."""
    if not recipe:
        return None
    ((name, settings),) = recipe[-1].items()
    on_integers = {
        "quantize_static": True,
        "quantize_weights": settings.get("activations") == "int8",
        "quantize_aware_train": settings.get("activation_bits") != "float",
    }
    if not on_integers.get(name):
        return None
    bits = 8 if name == "quantize_static" else settings.get("bits", 4)
    aware, after = {"quantize_aware_train": {"bits": bits}}, {"quantize_weights": {"bits": bits, "activations": "int8"}}
    if bits == 8:
        after = {"quantize_static": {}}
    if name == "quantize_aware_train":
        aware = recipe[-1]
    else:
        after = recipe[-1]
    return RoundingPair(bits, [*recipe[:-1], after], [*recipe[:-1], aware])
