"""No run so far holds the whole budget: which of its limits to relax, and by how much."""

import math

from edgekit.core.budget import Budget
from edgekit.core.measurement import Measurement, quality
from edgekit.search.advice._case import Advice, Case, in_short, milliseconds, size
from edgekit.store.rows import Summary

FEWEST = 5  # runs, before anyone should give up a limit
LEAST_DROP = 0.1  # points: a budget that allows none is compared as if it allowed so many
WORDS = {"size_bytes": size, "latency_ms": milliseconds, "accuracy_drop": "{:g}".format}


def advice(case: Case) -> Advice | None:
    """Said where every run of this model misses some limit; offers the nearest, and the budget that it holds."""
    before = quality(case.baseline.measurements) if case.scored else None
    own = [one for one in case.runs if one.model == case.run.model and not one.is_baseline]
    needed = [(one, found) for one in own if before and (found := _needed(one, before))]
    missed = [(one, found, _missed(found, case.budget)) for one, found in needed]
    if len(missed) < FEWEST or not all(over for _, _, over in missed):
        return None
    nearest, found, over = min(missed, key=lambda one: sum(one[2].values()))
    others = {
        name: min((one for one in missed if set(one[2]) == {name}), key=lambda one: one[2][name], default=None)
        for name in WORDS
        if {name} != set(over)
    }
    instead = [
        f"or {_asked(name, one[1], case.budget)} ({in_short(one[0].recipe)})" for name, one in others.items() if one
    ]
    return Advice(
        "No run so far holds the whole budget",
        f"All {len(missed)} measured runs miss a limit. {in_short(nearest.recipe)} comes nearest; it would take "
        + ", ".join([" and ".join(_asked(name, found, case.budget) for name in over), *instead])
        + ". Relax that, or go on looking.",
        nearest.recipe if nearest.recipe != case.recipe else None,
        tone="next",
        budget=case.budget.model_copy(update={name: found[name] for name in over}),
    )


def _needed(one: Summary, before: Measurement) -> dict[str, float]:
    """The limits of the tightest budget that a run holds; empty where one of its numbers is not known."""
    if not {"size_bytes", "latency_ms", before.metric} <= one.metrics.keys():
        return {}
    bytes_, latency, good = (one.metrics[name].value for name in ("size_bytes", "latency_ms", before.metric))
    drop = max(0.0, 100 * (before.value - good))
    return {"size_bytes": _above(bytes_), "latency_ms": _above(latency), "accuracy_drop": _above(drop)}


def _missed(needed: dict[str, float], budget: Budget) -> dict[str, float]:
    """Limit -> how far it is from what is needed, as the logarithm of their ratio; only limits that are missed."""
    pairs = {name: (needed[name], getattr(budget, name)) for name in WORDS}
    return {
        name: math.log(max(wants, LEAST_DROP) / max(has, LEAST_DROP) if name == "accuracy_drop" else wants / has)
        for name, (wants, has) in pairs.items()
        if wants > has
    }


def _asked(name: str, needed: dict[str, float], budget: Budget) -> str:
    """120 kB instead of 100 kB, 1.8 instead of 1 points lost"""
    points = " points lost" if name == "accuracy_drop" else ""
    return f"{WORDS[name](needed[name])} instead of {WORDS[name](getattr(budget, name))}{points}"


def _above(value: float) -> float:
    """The next number up with three digits, which is easier to read and to type."""
    if not value:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(value)) - 2)
    return float(f"{math.ceil(round(value / unit, 6)) * unit:.6g}")
