"""The first and the last layer lose most in few bits: all that follows hangs on one, and every answer on the other."""

from edgekit.search.advice._case import Advice, Case, changed, percent, rounding_step

ENOUGH = 8


def advice(case: Case) -> Advice | None:
    """Said where either has fewer than 8 bits by its own setting and accuracy was lost; offers the usual 8."""
    name = rounding_step(case)
    rows = [row for row in case.run.layers if row["bits"]]
    if name is None or not rows or "edge_bits" not in case.step(name) or not case.is_worse:
        return None
    edges = [rows[0], rows[-1]]
    if min(row["bits"] for row in edges) >= ENOUGH:
        return None
    share = sum(row["params"] for row in edges) / sum(row["params"] for row in rows)
    return Advice(
        "The first and the last layer need more bits",
        f"{edges[0]['layer']} has {edges[0]['bits']} bits and {edges[1]['layer']} {edges[1]['bits']}. All that follows "
        f"hangs on the first, and each answer on the last: {case.lost()}. They hold {percent(share)} of the "
        f"parameters, so {ENOUGH} bits for them cost little.",
        changed(case.recipe, name, edge_bits=None),
        promises=(case.quality,),
    )
