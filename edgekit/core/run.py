"""One compression, with everything that was measured of it: what the store keeps and the pages draw."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, Field

from edgekit.core.artifact import Artifact
from edgekit.core.interval import Interval
from edgekit.core.measurement import Measurement

Scored = Literal["test", "validation"]
Answer = int | float | list  # a list of numbers, or of such lists, where a sample has more than one


class Status(StrEnum):
    """Only DONE runs enter charts and frontiers; the others are kept and shown as what they are."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


class Depth(StrEnum):
    """How much is measured of a file. Each holds what those before it do.

    LOOK: quality, and what is counted (size, parameters, multiply-accumulates). POINT: latency too, beside the
    baseline's. ALL: peak memory, and size as shipped and once coded.
    """

    LOOK = "look"
    POINT = "point"
    ALL = "all"

    def met_by(self, run: "Run") -> bool:
        """Whether a run was measured as deep as this."""
        last = {"look": (), "point": ("latency_ms",), "all": ("latency_ms", "peak_memory_bytes", "shipped_bytes")}
        return set(last[self]) <= set(run.measurements)


class Comparison(BaseModel, frozen=True):
    """A run against its baseline, on the same samples and in the same minute.

    Attributes:
        latency_ratio: run / baseline, from interleaved timing; None where neither was timed.
        speed: "faster", "slower", or "tie" where the interval holds 1; empty where neither was timed.
        size_ratio: run / baseline, bytes on disk.
        accuracy_difference: run − baseline, a fraction; its interval is paired.
        p_value: McNemar's, that a difference this large is chance.
    """

    latency_ratio: Interval | None
    speed: str
    size_ratio: float
    accuracy_difference: Interval
    p_value: float


class Disagreement(BaseModel, frozen=True):
    """A sample whose answer changed: its index in the evaluation split, label, both answers and confidences."""

    sample: int
    label: Answer
    before: Answer
    after: Answer
    before_confidence: float
    after_confidence: float


class Disagreements(BaseModel, frozen=True):
    """How many answers changed against the float file, and the first few of them."""

    count: int
    total: int
    examples: list[Disagreement] = Field(default_factory=list)


class Step(BaseModel, frozen=True):
    """The file after one step of the recipe, measured: a bar of the waterfall."""

    index: int
    technique: str
    artifact: Artifact
    measurements: dict[str, Measurement]


class OnBoard(BaseModel, frozen=True):
    """A run's file as it was timed on a real device, which somebody brought back.

    Attributes:
        board: what the machine says it is; the point on a chart is named after it.
        device: of the catalog; empty where it is none of those.
        file: sha256 of what was timed: the run's file, or one that it was exported to. Empty in points of before this
            was kept.
        baseline: the uncompressed file, timed by turns with it; None where it was not.
        ratio, speed: as of a Comparison; None and empty where there is no baseline.
    """

    board: str
    device: str
    runtime: str
    threads: int
    latency: Measurement
    baseline: Measurement | None
    ratio: Interval | None
    speed: str
    taken: datetime
    file: str = ""


class Run(BaseModel):
    """See the module docstring.

    Attributes:
        id: made by the store; also the last part of its link.
        model, model_sha256: which network.
        data, split, samples: the data set, and how many samples of which split were scored (all of them by default).
            A search chooses by runs on validation samples; only those on the test set are points on the pages.
        recipe: [{"prune_weights": {"sparsity": 0.5}}, …]: as YAML would hold it.
        fingerprint: of everything that makes two runs the same: model, data, samples, recipe, seed, versions, host.
        made: the same without the samples that scored it: of everything that makes two files the same.
        confusion: rows are labels, columns answers.
        predicted: what was estimated of this recipe before it was measured, where anything could be.
        changes: [{"step", "layer", "what"}], and "numbers" where a step recorded any.
        layers: per layer of the file: [{"layer", "kind", "params", "macs", "weight_bits", "zeros", "shape"}].
        curve: per epoch of training.
        seconds: how long it took, with the steps whose outcome was known from an earlier run; `making_seconds` of them
            until the file was there.
        boards: what was measured on real devices and brought back.
        owner: "host:pid:start" of the process that works on it, to tell a killed one.
    """

    id: str
    model: str
    model_sha256: str
    data: str
    samples: int
    recipe: list[dict[str, dict[str, Any]]]
    fingerprint: str
    made: str = ""
    split: Scored = "test"
    seed: int = 0
    name: str = ""
    created: datetime = Field(default_factory=lambda: datetime.now(UTC))
    status: Status = Status.RUNNING
    artifact: Artifact | None = None
    baseline: str | None = None
    measurements: dict[str, Measurement] = Field(default_factory=dict)
    baseline_measurements: dict[str, Measurement] = Field(default_factory=dict)
    predicted: dict[str, Measurement] = Field(default_factory=dict)
    comparison: Comparison | None = None
    disagreements: Disagreements | None = None
    confusion: list[list[int]] = Field(default_factory=list)
    changes: list[dict[str, Any]] = Field(default_factory=list)
    layers: list[dict[str, Any]] = Field(default_factory=list)
    steps: list[Step] = Field(default_factory=list)
    curve: list[dict[str, Any]] = Field(default_factory=list)
    seconds: float = 0.0
    making_seconds: float = 0.0
    machine: dict[str, Any] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    boards: list[OnBoard] = Field(default_factory=list)
    error: str = ""
    pinned: bool = False
    owner: str = ""

    @property
    def is_baseline(self) -> bool:
        """Whether this is the uncompressed network itself."""
        return not self.recipe
