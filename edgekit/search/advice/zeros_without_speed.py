"""Scattered zeros do not make a network faster: a processor multiplies by zero as slowly as by anything else."""

from edgekit.search.advice._case import Advice, Case, percent, replaced

HALF = 0.5  # removing more channels at once than this costs more accuracy than a few epochs bring back


def advice(case: Case) -> Advice | None:
    """Said of pruned weights in a file that is not faster; offers to remove whole channels instead."""
    settings = case.step("prune_weights")
    if settings is None or case.is_faster or not case.run.comparison:
        return None
    pattern = settings.get("pattern", "none")
    where = "scattered" if pattern == "none" else f"in the pattern {pattern}, which only some graphics processors skip"
    return Advice(
        "Why is it not faster with so many zeros?",
        f"{percent(case.zeros())} of the weights are zero, but {where}. This processor multiplies by zero all the "
        f"same: {case.speed()}. Removing whole channels leaves less to multiply.",
        _channels_instead(case, HALF if pattern != "none" else min(HALF, settings.get("sparsity", HALF))),
        promises=("latency_ms",),
    )


def _channels_instead(case: Case, sparsity: float) -> list[dict] | None:
    if not sparsity or case.step("prune_channels") is not None:
        return None
    train = [] if case.step("fine_tune") is not None else [{"fine_tune": {"epochs": 3}}]
    return replaced(case.recipe, "prune_weights", {"prune_channels": {"sparsity": sparsity}}, *train)
