"""Architecture first: a network that was designed small can beat a large one that was made as small."""

from edgekit.search.advice._case import Advice, Case, in_short, percent, size
from edgekit.store.rows import Summary

OTHER = ("swap_architecture", "separate_convs", "search_architecture")


def advice(case: Case) -> Advice | None:
    """Said where a measured run of another architecture is no larger and surely better; offers its recipe."""
    mine, good = case.run.measurements, case.quality
    if case.run.is_baseline or _is_other(case.recipe) or not {"size_bytes", good} <= mine.keys():
        return None
    better = [
        one
        for one in case.runs
        if (one.model != case.run.model or _is_other(one.recipe))
        and {"size_bytes", good} <= one.metrics.keys()
        and one.metrics["size_bytes"].value <= mine["size_bytes"].value
        and one.metrics[good].low > mine[good].high
    ]
    if not better:
        return None
    best = max(better, key=lambda one: one.metrics[good].value)
    return Advice(
        "Another architecture does better at this size",
        f"{_named(best, case)} has {percent(best.metrics[good].value)} {case.good} at "
        f"{size(best.metrics['size_bytes'].value)}; this file has {percent(mine[good].value)} at "
        f"{size(mine['size_bytes'].value)}. Both answered the same {case.run.samples:,} test samples. A network "
        "that was designed small often beats a large one made as small.",
        best.recipe,
        tone="next",
        promises=(good, "size_bytes"),
        model=best.model if best.model != case.run.model else "",
    )


def _is_other(recipe: list[dict]) -> bool:
    return any(name in step for step in recipe for name in OTHER)


def _named(one: Summary, case: Case) -> str:
    """resnet8-cifar10 (quantize_static), or only the steps where the model is the same."""
    steps = in_short(one.recipe)
    return steps if one.model == case.run.model else f"{one.model} ({steps})"
