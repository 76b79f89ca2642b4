"""Between recipes and the Workbench's sliders: where they stand to make a recipe, and 24 positions worth exploring.

The way forward, from a position to its recipe, is `edgekit.search.sliders.Sliders.recipe`.
"""

from typing import Any

from pydantic import ValidationError

from edgekit.search.sliders import SPARSITIES, Sliders

MOST_EPOCHS = 20
WIDTHS = [(16, True), (8, True), (8, False), (6, True), (5, True), (4, True), (4, False), (3, True), (2, False)]
PRUNINGS = [("channels", 0.1), ("channels", 0.25), ("channels", 0.5)]
PRUNINGS += [("weights", 0.5), ("weights", 0.7), ("weights", 0.9), ("2:4", 0.5)]
PAIRS = [("channels", 0.1), ("channels", 0.25), ("channels", 0.5), ("weights", 0.5)]


def explored() -> list[list[dict[str, Any]]]:
    """24 recipes without training that together sketch the frontier: widths, three ways to prune, and both at once."""
    widths = [Sliders(bits=bits, activations=whole) for bits, whole in WIDTHS]
    prunings = [Sliders(sparsity=share, prune=what) for what, share in PRUNINGS]
    both = [Sliders(sparsity=share, prune=what, bits=bits) for what, share in PAIRS for bits in (8, 4)]
    return [sliders.recipe() for sliders in [*widths, *prunings, *both]]


def position(recipe: list[dict[str, Any]]) -> Sliders | None:
    """Where the sliders must stand to make a recipe that does exactly this; None if they cannot.

    Args:
        recipe: steps as YAML would hold them, of techniques and settings that exist.
    """
    from edgekit.recipe import Recipe  # loads torch, so only when a person asks for it

    whole = Recipe.parse(recipe)
    found: dict[str, Any] = {}
    for step in whole.to_list(all_settings=True):
        ((name, settings),) = step.items()
        found |= _told_by(name, settings)
    try:
        sliders = Sliders(**found)
    except ValidationError:
        return None
    on_scale = sliders.sparsity in SPARSITIES and sliders.epochs <= MOST_EPOCHS
    return sliders if on_scale and Recipe.parse(sliders.recipe()).fingerprint == whole.fingerprint else None


def _told_by(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """What one step, with all its settings, says about the position; nothing if no slider makes such a step."""
    if name == "prune_channels":
        return {"sparsity": settings["sparsity"], "prune": "channels"}
    if name == "prune_weights":
        return {"sparsity": settings["sparsity"], "prune": "2:4" if settings["pattern"] == "2:4" else "weights"}
    if name == "quantize_weights":
        return {"bits": settings["bits"], "activations": settings["activations"] == "int8"}
    plain = {"fine_tune": {"epochs": settings.get("epochs")}, "quantize_fp16": {"bits": 16}}
    return (plain | {"quantize_static": {"bits": 8}}).get(name, {})
