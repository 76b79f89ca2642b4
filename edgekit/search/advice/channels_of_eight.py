"""Odd numbers of channels are wasted: processors compute 8 or more at a time, so 13 cost as much as 16."""

from edgekit.search.advice._case import Advice, Case, changed


def advice(case: Case) -> Advice | None:
    """Said of pruned layers whose channels are no multiple of 8; offers to round."""
    settings = case.step("prune_channels")
    if settings is None or settings.get("round_to", 8) % 8 == 0 or not case.run.comparison:
        return None
    before = {row["layer"]: row.get("channels") for row in case.baseline.layers}
    odd = [
        (row["layer"], row["channels"])
        for row in case.run.layers
        if row.get("channels") and row["channels"] % 8 and row["channels"] != before.get(row["layer"])
    ]
    if not odd:
        return None
    layer, channels = odd[0]
    others = (
        f" and {len(odd) - 1} more {'layer has' if len(odd) == 2 else 'layers have'} such a number" if odd[1:] else ""
    )
    return Advice(
        "Channels that are no multiple of 8",
        f"{layer} has {channels} channels left{others}. Processors compute 8 or more at a time, so {channels} cost "
        f"about as much as {-(-channels // 8) * 8}; it takes {case.speed()}. Multiples of 8 waste nothing.",
        changed(case.recipe, "prune_channels", round_to=None),
        promises=("latency_ms",),
    )
