"""What the verbs of the command line print: one JSON object or lines for a person, and how far they are."""

import json
import os
import sys
from typing import Any

from edgekit.core.measurement import quality
from edgekit.core.progress import Progress, silent
from edgekit.core.run import Run, Step


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
