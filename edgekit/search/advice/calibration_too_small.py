"""Too few calibration samples: what they never showed lies beyond the codes, and is cut off ever after."""

from edgekit.search.advice._case import Advice, Case, changed, percent

GROWING = 0.05  # share of a range that only the second half of the samples showed
ENOUGH, MOST = 256, 4096
CALIBRATED = ("quantize_static", "quantize_weights")


def advice(case: Case) -> Advice | None:
    """Said where a range still grew as the last samples were looked at, and accuracy was lost; offers more samples."""
    name = next((name for name in CALIBRATED if case.step(name) is not None), None)
    widest = case.most("late")
    if name is None or widest is None or widest[1]["late"] < GROWING or not case.is_worse:
        return None
    layer, seen = widest
    more = min(max(ENOUGH, 4 * round(seen["samples"])), MOST)
    if seen["samples"] >= more:
        return None
    return Advice(
        "Calibrated with too few samples?",
        f"The range of each activation was read off {_count(seen['samples'])}, and for what {layer} reads "
        f"{percent(seen['late'])} of it {_only(seen['samples'])}. What lies beyond a range is cut off: {case.lost()}. "
        f"{more} samples show more of what there is.",
        changed(case.recipe, name, samples=more),
        promises=(case.quality,),
    )


def _count(samples: float) -> str:
    return "one calibration sample" if samples == 1 else f"{samples:,.0f} calibration samples"


def _only(samples: float) -> str:
    return "has nothing that confirms it" if samples == 1 else "showed in the second half of them only"
