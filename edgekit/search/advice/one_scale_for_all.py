"""One scale for a whole layer fits its largest channel, and leaves the small ones a few codes."""

from edgekit.search.advice._case import Advice, Case, changed, counted

NAMES = ("quantize_static", "quantize_dynamic")


def advice(case: Case) -> Advice | None:
    """Said of weights with one scale per layer where accuracy was lost; offers one per channel."""
    name = next((name for name in NAMES if (case.step(name) or {}).get("per_channel") is False), None)
    if name is None or not case.is_worse:
        return None
    channels = [row["channels"] for row in case.run.layers if row["channels"] and row["bits"] == 8]
    return Advice(
        "One scale for many channels",
        f"{counted(len(channels), 'layer')} with a single scale for up to {max(channels, default=0)} channels leave "
        f"small channels a few codes: {case.lost()}. A scale per channel costs 4 bytes each, and no time.",
        changed(case.recipe, name, per_channel=None),
        promises=(case.quality,),
    )
