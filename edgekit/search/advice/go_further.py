"""The budget is met with room to spare, or missed in size or time: the next step towards a smaller and faster file."""

from edgekit.core.measurement import METRICS, QUALITIES
from edgekit.search.advice._case import Advice, Case, changed, milliseconds, points, size

NARROWER = {8: 6, 7: 6, 6: 5, 5: 4, 4: 3, 3: 2}
MORE, MOST = 0.1, 0.9


def advice(case: Case) -> Advice | None:
    """Said while the accuracy budget holds; offers integers first, then fewer channels, then fewer bits."""
    if case.drop is None or (misses := case.misses()) & set(QUALITIES):
        return None
    further = _further(case, misses)
    if further is None:
        return None
    what, recipe = further
    now = [
        f"{size(case.run.measurements['size_bytes'].value)}",
        milliseconds(case.run.measurements["latency_ms"].value),
    ]
    state = f"{now[0]}, {now[1]} and {points(-case.drop)} points of {case.good}"
    if misses:
        names = " and ".join(sorted(METRICS[metric].title.lower() for metric in misses))
        title, why = "Get within the budget", f"{state}: the {names} is still above the budget. {what}"
    else:
        title, why = "Go further", f"{state}: within the budget, so there is room. {what}"
    return Advice(title, why, recipe, "next", promises=("size_bytes",))


def _further(case: Case, misses: set[str]) -> tuple[str, list[dict]] | None:
    weights, channels = case.step("quantize_weights"), case.step("prune_channels")
    if not case.is_quantized:
        what = "8-bit integers make it about four times smaller, and faster."
        return what, [*case.recipe, {"quantize_static": {}}]
    if weights is not None and "latency_ms" not in misses and (bits := weights.get("bits", 4)) in NARROWER:
        narrower = NARROWER[bits]
        return f"{narrower} bits instead of {bits} make it smaller.", changed(
            case.recipe, "quantize_weights", bits=narrower
        )
    if channels is None and case.step("prune_weights") is None:
        what = "Removing a quarter of the channels makes it smaller and faster; 3 epochs of training keep its accuracy."
        steps = [{"prune_channels": {"sparsity": 0.25}}, {"fine_tune": {"epochs": 3}}]
        return what, steps + case.recipe
    name = "prune_channels" if channels is not None else "prune_weights"
    settings = case.step(name)
    sparsity = settings.get("sparsity", 0.5)
    if "pattern" not in settings and "scope" not in settings and sparsity + MORE <= MOST:
        more = round(sparsity + MORE, 2)
        return f"Remove {100 * more:.0f} % instead of {100 * sparsity:.0f} %.", changed(
            case.recipe, name, sparsity=more
        )
    return None
