"""What the verbs of the command line share: options, and what they print: one JSON object or lines for a person."""

import json
import os
import sys
from typing import Annotated, Any

import typer

from edgekit.core.budget import Budget
from edgekit.core.knobs import build
from edgekit.core.measurement import quality
from edgekit.core.progress import Progress, silent
from edgekit.core.run import Run, Step

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
MostBytes = Annotated[float | None, typer.Option(help="The budget: bytes on disk, at most.")]
MostMilliseconds = Annotated[float | None, typer.Option(help="The budget: milliseconds for one sample, at most.")]
MostPointsLost = Annotated[float | None, typer.Option(help="The budget: points of accuracy lost, at most.")]


def budget_of(size_bytes: float | None, latency_ms: float | None, accuracy_drop: float | None) -> Budget:
    """The budget of these options; what was not given is as everywhere.

    Raises:
        SettingError: one of them is out of its range.
    """
    given = {"size_bytes": size_bytes, "latency_ms": latency_ms, "accuracy_drop": accuracy_drop}
    return build(Budget, "The budget", {name: value for name, value in given.items() if value is not None})


def printed(as_json: bool, value: dict[str, Any], lines: list[str]) -> None:
    """One JSON object, or the lines."""
    print(json.dumps(value, default=str) if as_json else "\n".join(lines))


def progress() -> Progress:
    """A line on stderr that is written over, on a terminal only; or lines of JSON, where a program asks for them."""
    if os.environ.get("EDGEKIT_PROGRESS") == "json":
        return lambda fraction, what: print(
            json.dumps({"progress": fraction, "what": what}), file=sys.stderr, flush=True
        )
    if not sys.stderr.isatty():
        return silent

    def show(fraction: float, what: str) -> None:
        print(f"\r{fraction:4.0%} {what[:70]:<70}", end="\n" if fraction >= 1 else "", file=sys.stderr, flush=True)

    return show


def run_json(run: Run) -> dict[str, Any]:
    """The stable form of a run: what `compress --json` prints."""
    return {
        "id": run.id,
        "name": run.name,
        "created": run.created.isoformat(),
        "status": run.status.value,
        "error": run.error,
        "model": run.model,
        "data": run.data,
        "split": run.split,
        "samples": run.samples,
        "seed": run.seed,
        "recipe": run.recipe,
        "artifact": run.artifact and run.artifact.model_dump(include={"path", "sha256", "bytes"}),
        "baseline": {name: m.as_json() for name, m in run.baseline_measurements.items()},
        "measurements": {name: m.as_json() for name, m in run.measurements.items()},
        "comparison": run.comparison and run.comparison.model_dump(mode="json"),
        "disagreements": run.disagreements and run.disagreements.model_dump(include={"count", "total"}),
        "changes": run.changes,
        "steps": [_step(step) for step in run.steps],
        "machine": run.machine,
        "versions": run.versions,
        "seconds": run.seconds,
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "index": step.index,
        "technique": step.technique,
        "artifact": step.artifact.model_dump(include={"path", "sha256", "bytes"}),
        "measurements": {name: m.as_json() for name, m in step.measurements.items()},
    }


def line(run: dict[str, Any]) -> str:
    """A run, as `run_json` gives it, in one line."""
    recipe = " → ".join(next(iter(step)) for step in run["recipe"]) or "baseline"
    good, size = quality(run["measurements"]), run["measurements"].get("size_bytes")
    numbers = f"{good['value']:.2%}  {size['value']:,.0f} bytes" if good and size else run["error"]
    return f"{run['id']}  {run['status']:<12} {run['model']:<18} {numbers}  {recipe}"
