"""Depthwise layers stand few bits badly: an output sums a few products only, so rounding errors do not average out."""

from edgekit.search.advice._case import Advice, Case, counted, percent, rounding_step

ENOUGH = 8


def advice(case: Case) -> Advice | None:
    """Said of depthwise layers in a few bits where accuracy was lost; offers to leave them 8."""
    name = rounding_step(case)
    low = [row for row in case.run.layers if 1 < row.get("groups", 1) == row["channels"] and row["bits"] < ENOUGH]
    if name is None or not low or not case.is_worse:
        return None
    weights = sum(row["weight_bits"] for row in case.run.layers)
    share = sum(row["weight_bits"] for row in low) / weights
    products = " × ".join(map(str, low[0]["shape"][1:]))
    return Advice(
        "Depthwise layers in few bits",
        f"{counted(len(low), 'layer')} with {low[0]['bits']} bits, {low[0]['layer']} first, make each channel of only "
        f"{products} products, too few for rounding errors to average out: {case.lost()}. Depthwise layers hold "
        f"{percent(share)} of the stored weights, so {ENOUGH} bits for them cost little.",
        _kept(case.recipe, name, [row["layer"] for row in low]),
        promises=(case.quality,),
    )


def _kept(recipe: list[dict], name: str, layers: list[str]) -> list[dict]:
    """The recipe with 8 bits for these layers, ahead of what it says of others: the first pattern that fits wins."""
    wide = {layer: {"bits": ENOUGH} for layer in layers}
    return [
        {name: step[name] | {"layers": wide | {k: v for k, v in step[name].get("layers", {}).items() if k not in wide}}}
        if name in step
        else step
        for step in recipe
    ]
