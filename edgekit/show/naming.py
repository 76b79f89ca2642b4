"""A run by name: its title, its file, the command that makes it, and all its numbers as a table."""

import shlex

from edgekit.core.knobs import in_words
from edgekit.core.measurement import BY_TASK, METRICS, OF_DEVICES
from edgekit.core.run import Run
from edgekit.show import words
from edgekit.show.spelling import spelled


def title(run: Run) -> str:
    """The name that a person gave, or the recipe in words."""
    return run.name or sentence(words.recipe(spelled(run.recipe)))


def sentence(text: str) -> str:
    """With a capital letter in front."""
    return text[:1].upper() + text[1:]


def file_name(run: Run) -> str:
    """What the downloaded file is called: the model, then the techniques, then the start of its hash."""
    steps = [next(iter(step)) for step in run.recipe] or ["uncompressed"]
    return f"{'-'.join([run.model, *steps])}-{run.artifact.sha256[:8]}.onnx"


def command(run: Run) -> str:
    """The same compression from the command line."""
    steps = " ".join(
        f"--step {shlex.quote(in_words(name, settings))}"
        for step in spelled(run.recipe)
        for name, settings in step.items()
    )
    return f"python -m edgekit compress {run.model} {steps}".strip()


def table(run: Run) -> dict[str, list[str]]:
    """Every metric: before, after, the interval, and how it came to be."""
    metrics = [metric for metric in METRICS if metric in run.measurements or metric not in (*BY_TASK, *OF_DEVICES)]
    rows = [(metric, run.measurements.get(metric)) for metric in metrics]
    return {
        "": [METRICS[metric].title for metric, _ in rows],
        "Before": [words.measured(run.baseline_measurements.get(metric)) for metric, _ in rows],
        "After": [words.measured(found) for _, found in rows],
        "95 % interval": [words.interval(found) or "exact" if found else "" for _, found in rows],
        "How": [f"{found.origin.value}: {found.how}" if found else "not known yet" for _, found in rows],
    }
