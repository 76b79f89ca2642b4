"""The verbs of the command line that use edgekit/search: `layers`, `search`, `sweep` and `advise`."""

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgekit.terminal import (
    Json,
    MostBytes,
    MostMilliseconds,
    MostPointsLost,
    budget_of,
    line,
    printed,
    progress,
    run_json,
)

if TYPE_CHECKING:
    from edgekit.search.autopilot.result import Result
    from edgekit.search.autopilot.seen import Seen
    from edgekit.search.sweep import Swept

Seed = Annotated[int, typer.Option(min=0, help="Of every random choice.")]


def layers(
    model: str,
    axis: Annotated[list[str] | None, typer.Option(help="bits, weights, channels or rank; all by default.")] = None,
    samples: Annotated[int, typer.Option(min=1, help="Validation samples to score with.")] = 512,
    as_json: Json = False,
) -> None:
    """Measure what each layer can bear: quality lost with that layer alone compressed. Minutes; kept as it goes."""
    from edgekit.library import load
    from edgekit.search.layer_sensitivity import chosen_samples, measure_layers
    from edgekit.search.layer_sensitivity import printed as as_lines
    from edgekit.store.store import Store

    loaded = load(model)
    table = measure_layers(loaded, Store.open(), chosen_samples(loaded.data, samples), axis, progress())
    printed(as_json, {"model": model} | table.model_dump(mode="json"), as_lines(table))


def search(
    model: Annotated[str | None, typer.Argument(help="Its id; not with --resume.")] = None,
    limit: Annotated[
        list[str] | None, typer.Option(help="size=500KB, latency=5ms, fps=30, accuracy_drop=1, size=0.25x, …")
    ] = None,
    minutes: Annotated[float, typer.Option(help="The time allowance.")] = 10.0,
    training: Annotated[str, typer.Option(help="none, quick or thorough: up to 0, 3 or 9 epochs a recipe.")] = "none",
    family: Annotated[list[str] | None, typer.Option(help="Only techniques of this family; all by default.")] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="End after so many recipes, whatever the time.")] = None,
    seed: Seed = 0,
    resume: Annotated[str | None, typer.Option(help="Go on with the search of this id, where it was stopped.")] = None,
    as_json: Json = False,
) -> None:
    """Find the best recipe that holds every limit. Ctrl-C pauses it; --resume ID goes on."""
    from edgekit.core.errors import SettingError
    from edgekit.jobs.executors import workers_for
    from edgekit.search.autopilot.kept import begin
    from edgekit.search.autopilot.search import carry_on
    from edgekit.store.store import Store

    if (model is None) == (resume is None):
        raise SettingError("search needs a model, or --resume ID to go on with an earlier search; one of the two.")
    store = Store.open()
    if resume is None:
        asked = {"minutes": minutes, "training": training, "families": family or [], "seed": seed, "trials": trials}
        resume = begin(model, limit or [], **asked, store=store).id
    with workers_for(store) as executor:
        found = carry_on(resume, executor=executor, store=store, progress=progress())
    printed(as_json, result_json(found), _lines(found))


def sweep(
    model: str,
    grid: Annotated[str, typer.Option(help="prune_channels.sparsity=0.1:0.8:0.1 × quantize_weights.bits=2,4,8")],
    samples: Annotated[int | None, typer.Option(min=1, help="Score only so many test samples; all by default.")] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Measure every combination of a grid of settings."""
    from edgekit.jobs.executors import workers_for
    from edgekit.search.sweep import sweep as swept
    from edgekit.store.store import Store

    store = Store.open()
    with workers_for(store) as executor:
        found = swept(model, grid, samples=samples, seed=seed, executor=executor, store=store, progress=progress())
    printed(as_json, {"model": model, "points": [_point(one) for one in found]}, [_swept_line(one) for one in found])


def advise(
    run: Annotated[str, typer.Argument(help="The id of a finished run; `runs` lists them.")],
    size_bytes: MostBytes = None,
    latency_ms: MostMilliseconds = None,
    accuracy_drop: MostPointsLost = None,
    as_json: Json = False,
) -> None:
    """Say why a run is as it is, and what to try next: the cards of the Workbench."""
    from edgekit.core.errors import StoreError
    from edgekit.core.run import Status
    from edgekit.search import advice
    from edgekit.store.store import Store

    budget = budget_of(size_bytes, latency_ms, accuracy_drop)
    store = Store.open()
    chosen = store.get(run)
    if chosen.status is not Status.DONE:
        raise StoreError(f"advice is for finished runs; {run} is {chosen.status}. {chosen.error}".strip())
    found = advice.advise(chosen, advice.baseline(chosen, store), budget, advice.beside(chosen, store))
    listed = [vars(one) | {"budget": one.budget and one.budget.model_dump()} for one in found]
    lines = [line for one in found for line in _advice(one, chosen.model)] or ["nothing to remark on this file"]
    printed(as_json, {"run": chosen.id, "model": chosen.model, "advice": listed}, lines)


def result_json(found: "Result") -> dict[str, Any]:
    """The stable form of a search's result."""
    search = found.search
    return {
        "id": search.id,
        "model": search.model,
        "limits": search.limits,
        "minutes": search.minutes,
        "training": search.training,
        "seed": search.seed,
        "status": search.status,
        "seconds": round(search.spent, 1),
        "trials": len(search.tried),
        "looks": search.looks,
        "failed": [tried.model_dump(include={"steps", "error"}) for tried in search.tried if tried.error],
        "covered": found.covered,
        "winner": found.winner and _seen(found.winner),
        "validation": found.chosen and run_json(found.chosen),
        "test": found.confirmed and run_json(found.confirmed),
        "missed_in_test": [miss.text for miss in found.missed_in_test],
        "frontier": [_seen(one) for one in found.frontier],
        "nearest_misses": [_seen(one) for one in found.nearest],
    }


def _seen(one: "Seen") -> dict[str, Any]:
    return {
        "recipe": one.steps,
        "run": one.run,
        "size_ratio": one.size,
        "latency_ratio": one.latency,
        "accuracy_difference": one.gain.model_dump(),
        "missed": [{"limit": miss.wish, "what": miss.text, "by": miss.by} for miss in one.missed],
    }


def _lines(found: "Result") -> list[str]:
    search = found.search
    head = f"{len(search.tried)} trials in {search.spent:.0f} s, {len(found.points)} measured in full; id {search.id}"
    if found.winner is None:
        lines = [head, "No recipe that was tried holds every limit. The nearest:"]
        return lines + [f"  {_short(one)}  ({'; '.join(miss.text for miss in one.missed)})" for one in found.nearest]
    lines = [head, f"best on validation samples: {_short(found.winner)}"]
    if found.confirmed:
        lines += ["on the test set:", f"  {line(run_json(found.confirmed))}", f"  {found.confirmed.artifact.path}"]
    lines += [f"  there it misses a limit: {miss.text}" for miss in found.missed_in_test]
    return lines + ["frontier:", *(f"  {_short(one)}" for one in found.frontier)]


def _short(one: "Seen") -> str:
    recipe = " → ".join(_step(step) for step in one.steps) or "the original"
    latency = f"{one.latency:.2f} × the time" if one.latency is not None else "not timed"
    return f"{100 * one.gain.value:+.2f} points, {one.size:.3f} × the bytes, {latency}: {recipe}"


def _step(step: dict[str, dict[str, Any]]) -> str:
    ((name, settings),) = step.items()
    return ",".join([name, *(f"{knob}={value}" for knob, value in settings.items())])


def _point(one: "Swept") -> dict[str, Any]:
    return {"recipe": one.recipe, "run": one.run and run_json(one.run), "error": one.error}


def _swept_line(one: "Swept") -> str:
    return line(run_json(one.run)) if one.run else f"not measured: {one.error}"


def _advice(found: Any, model: str) -> list[str]:
    """A card as lines: its title, what it says, and the command that does it."""
    from edgekit.core.knobs import in_words

    lines = [found.title, f"  {found.why}"]
    if found.recipe:
        words = [in_words(name, settings) for step in found.recipe for name, settings in step.items()]
        steps = "".join(f" --step {shlex.quote(word)}" for word in words)
        lines.append(f"  python -m edgekit compress {found.model or model}{steps}")
    return lines
