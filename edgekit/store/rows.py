"""What a run looks like in the tables, and the light rows that charts and the CSV file are made of."""

import csv
import functools
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Row

from edgekit.core.measurement import METRICS
from edgekit.core.run import Run, Status
from edgekit.store.tables import runs


class Range(NamedTuple):
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """A run without its details: enough for a chart, a table or a frontier. What is text inside is read when asked for.

    Attributes:
        created_at: seconds since 1970.
        host: id of the machine that measured; latency is only compared within one.
        sha256: of its file; empty where there is none.
    """

    id: str
    name: str
    model: str
    samples: int
    split: str
    status: Status
    created_at: float
    pinned: bool
    host: str
    sha256: str
    error: str
    recipe_json: str
    metrics_json: str
    comparison_json: str

    @functools.cached_property
    def recipe(self) -> list[dict[str, dict[str, Any]]]:
        """The steps, as in Run."""
        return json.loads(self.recipe_json)

    @functools.cached_property
    def metrics(self) -> dict[str, Range]:
        """Metric -> number, of the run's own file."""
        return {metric: Range(*numbers) for metric, numbers in json.loads(self.metrics_json).items()}

    @functools.cached_property
    def comparison(self) -> dict[str, Any]:
        """speed, size_ratio, p_value, and [value, low, high] of latency_ratio and accuracy_difference; or nothing."""
        return json.loads(self.comparison_json)

    @property
    def created(self) -> datetime:
        """When it was started."""
        return datetime.fromtimestamp(self.created_at, UTC)

    @property
    def is_baseline(self) -> bool:
        """Whether this is the uncompressed network itself."""
        return self.recipe_json == "[]"


STATUSES = {status.value: status for status in Status}
COLUMNS = [
    *(runs.c.id, runs.c.name, runs.c.model, runs.c.samples, runs.c.split),
    *(runs.c.status, runs.c.created, runs.c.pinned, runs.c.host),
    *(runs.c.sha256, runs.c.error, runs.c.recipe, runs.c.metrics, runs.c.comparison),
]


def row(run: Run) -> dict[str, Any]:
    """The columns of a run in the table `runs`."""
    return {
        "id": run.id,
        "created": run.created.timestamp(),
        "model": run.model,
        "samples": run.samples,
        "status": run.status.value,
        "fingerprint": run.fingerprint,
        "name": run.name,
        "pinned": run.pinned,
        "owner": run.owner,
        "host": str(run.machine.get("id", "")),
        "sha256": run.artifact.sha256 if run.artifact else "",
        "recipe": json.dumps(run.recipe),
        "metrics": json.dumps({m: [x.value, x.low, x.high] for m, x in run.measurements.items()}),
        "comparison": json.dumps(_comparison(run)),
        "error": run.error,
        "split": run.split,
        "made": run.made,
    }


def files_of(run: Run) -> set[str]:
    """sha256 of every file that a run needs: its own, those of its steps, and the float file it is compared with."""
    artifacts = [run.artifact, *(step.artifact for step in run.steps)]
    own = {artifact.sha256 for artifact in artifacts if artifact}
    return own | {artifact.parent for artifact in artifacts if artifact and artifact.parent}


def summary(found: Row) -> Summary:
    """A row of COLUMNS as a value."""
    id, name, model, samples, split, status, created, pinned, *rest = found
    return Summary(id, name, model, samples, split, STATUSES[status], created, bool(pinned), *rest)


def as_csv(summaries: Iterable[Summary]) -> str:
    """A table with one line a run and the unit of every number in its heading; unknown numbers are empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    numbers = [
        heading
        for metric in METRICS.values()
        for heading in (
            f"{metric.id} [{metric.unit}]",
            *(f"{metric.id} {end} [{metric.unit}]" for end in ("low", "high")),
        )
    ]
    ratios = ["latency_ratio", "latency_ratio low", "latency_ratio high", "speed", "size_ratio"]
    ratios += ["accuracy_difference [fraction]", "accuracy_difference low [fraction]"]
    ratios += ["accuracy_difference high [fraction]", "p_value"]
    facts = ["id", "name", "created [UTC]", "model", "samples [samples]", "split", "status", "pinned", "recipe"]
    writer.writerow([*facts, *numbers, *ratios, "host", "sha256", "error"])
    for one in summaries:
        writer.writerow([*_facts(one), *_numbers(one), *_ratios(one), one.host, one.sha256, _text(one.error)])
    return text.getvalue()


def _facts(one: Summary) -> list[Any]:
    created = one.created.strftime("%Y-%m-%dT%H:%M:%SZ")
    scored = [one.model, one.samples, one.split]
    return [one.id, _text(one.name), created, *scored, one.status.value, one.pinned, json.dumps(one.recipe)]


def _numbers(one: Summary) -> list[Any]:
    return [number for metric in METRICS for number in one.metrics.get(metric, ("", "", ""))]


def _ratios(one: Summary) -> list[Any]:
    if not one.comparison:
        return [""] * 9
    found = one.comparison
    ratio = found["latency_ratio"] or ("", "", "")
    return [*ratio, found["speed"], found["size_ratio"], *found["accuracy_difference"], found["p_value"]]


def _text(words: str) -> str:
    """A cell that a spreadsheet shows as text and never runs as a formula."""
    return f"'{words}" if words.startswith(("=", "+", "-", "@", "\t", "\r")) else words


def _comparison(run: Run) -> dict[str, Any]:
    if run.comparison is None:
        return {}
    found = run.comparison
    ratio, difference = found.latency_ratio, found.accuracy_difference
    return {
        "speed": found.speed,
        "size_ratio": found.size_ratio,
        "p_value": found.p_value,
        "latency_ratio": ratio and [ratio.value, ratio.low, ratio.high],
        "accuracy_difference": [difference.value, difference.low, difference.high],
    }
