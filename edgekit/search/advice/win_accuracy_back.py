"""More accuracy was lost than the budget allows: the remedy that fits the step which costs most."""

from edgekit.search.advice._case import Advice, Case, before_quantization, changed, points

EPOCHS, MOST_EPOCHS = 3, 20
WIDER = {2: 3, 3: 4, 4: 5, 5: 6, 6: 8, 7: 8}
FEW_BITS = 3


def advice(case: Case) -> Advice | None:
    """Said where the drop is above the budget and no chance; offers training, more bits, other ranges, less pruning."""
    comparison = case.run.comparison
    if comparison is None or case.drop <= case.budget.accuracy_drop or comparison.accuracy_difference.high >= 0:
        return None
    remedy = _remedy(case)
    if remedy is None:
        return None
    what, recipe = remedy
    low, high = (points(100 * x) for x in (comparison.accuracy_difference.low, comparison.accuracy_difference.high))
    return Advice(
        "Win accuracy back",
        f"{points(-case.drop)} points (between {low} and {high}), where the budget allows "
        f"{case.budget.accuracy_drop:g} lost. {what}",
        recipe,
        tone="next",
        promises=(case.quality,),
    )


def _remedy(case: Case) -> tuple[str, list[dict]] | None:
    weights, static = case.step("quantize_weights"), case.step("quantize_static")
    bits = None if weights is None else weights.get("bits", 4)
    if bits in WIDER and bits <= FEW_BITS:
        return _more_bits(case, bits)
    pruning = next((name for name in ("prune_channels", "prune_weights") if case.step(name) is not None), None)
    trained = case.step("fine_tune")
    if pruning and trained is None:
        step = {"fine_tune": {"epochs": EPOCHS}}
        return f"{EPOCHS} epochs of training after pruning win most of it back.", before_quantization(case.recipe, step)
    if pruning and 2 * trained.get("epochs", EPOCHS) <= MOST_EPOCHS:
        epochs = 2 * trained.get("epochs", EPOCHS)
        return f"Twice the training, {epochs} epochs, wins more back.", changed(case.recipe, "fine_tune", epochs=epochs)
    if bits in WIDER:
        return _more_bits(case, bits)
    if static is not None and static.get("ranges", "minmax") == "minmax":
        what = "Ranges that ignore the rarest activations give the others finer steps."
        return what, changed(case.recipe, "quantize_static", ranges="mse")
    if pruning and (sparsity := case.step(pruning).get("sparsity", 0.5)) >= 0.2 and "pattern" not in case.step(pruning):
        less = round(sparsity - 0.1, 2)
        return f"Remove {100 * less:.0f} % instead of {100 * sparsity:.0f} %.", changed(
            case.recipe, pruning, sparsity=less
        )
    return None


def _more_bits(case: Case, bits: int) -> tuple[str, list[dict]]:
    wider = WIDER[bits]
    return f"{wider} bits instead of {bits} round less.", changed(case.recipe, "quantize_weights", bits=wider)
