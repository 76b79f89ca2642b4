"""A few huge activations take most of the codes, and leave all others a handful."""

from edgekit.search.advice._case import Advice, Case, changed, percent

RARE = 0.5  # share of the codes that the rarest 0.01 % of the values take
NAMES = ("quantize_static", "quantize_weights")


def advice(case: Case) -> Advice | None:
    """Said where codes go to rare values and accuracy was lost; offers ranges that cut those off."""
    name = next((name for name in NAMES if case.step(name) is not None), None)
    worst = case.most("rare")
    if name is None or worst is None or worst[1]["rare"] < RARE or not case.is_worse:
        return None
    if case.step(name).get("ranges", "minmax") != "minmax":
        return None
    layer, seen = worst
    return Advice(
        "Outliers take the codes",
        f"{percent(seen['rare'])} of the codes for what {layer} reads go to the rarest 0.01 % of its values, and all "
        f"others share the rest: {case.lost()}. A percentile as the end of the range cuts the rarest off.",
        changed(case.recipe, name, ranges="percentile"),
        promises=(case.quality,),
    )
