"""What came of an export, as it is kept beside its files and printed with --json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from edgekit.core.interval import Interval
from edgekit.core.measurement import Measurement

REPORT = "export.json"
SAMPLES = 500  # test samples of a check
WORST_POINTS, WORST_SHARE = 0.5, 0.01  # more lost, or more answered otherwise, is shown in red
ROUNDED = ("int8", "dynamic")  # precisions with 8-bit weights


class Exported(BaseModel, frozen=True):
    """A run in another format, and the check of it.

    Attributes:
        main: the file to open; `files` are all of them with their bytes, `size_bytes` what a device must hold.
        again: whether it was made of floats again, so that it is a point of its own.
        samples: how many test samples it was checked on; 0 where it does not run here.
        quality, original: of this file and of the ONNX file, on the same samples.
        points_lost: original − quality, in points.
        disagreements: how many samples the two answer differently.
        latency, original_latency: by turns, one thread; `ratio` is this over that.
        operators, weights: how many of each kind, where the format tells.
        problems: what is wrong with it, in sentences; none where it holds.
        notes: what else to know.
        use: the lines that run it.
    """

    run: str
    model: str
    format: str
    title: str
    precision: str
    main: str
    files: dict[str, int]
    size_bytes: int
    again: bool
    runtime: str = ""
    samples: int = 0
    quality: Measurement | None = None
    original: Measurement | None = None
    points_lost: float | None = None
    disagreements: int | None = None
    latency: Measurement | None = None
    original_latency: Measurement | None = None
    ratio: Interval | None = None
    speed: str = ""
    original_bytes: int = 0
    operators: dict[str, int] = Field(default_factory=dict)
    weights: dict[str, int] = Field(default_factory=dict)
    problems: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    use: str = ""
    seconds: float = 0.0

    @property
    def requantized(self) -> bool:
        """Whether its integers are not those of the file, but rounded anew here."""
        return self.again and self.precision in ROUNDED

    def as_json(self) -> dict[str, Any]:
        """The stable form of the command line."""
        kept = self.model_dump(mode="json", exclude={"quality", "original", "latency", "original_latency"})
        found = {name: getattr(self, name) for name in ("quality", "original", "latency", "original_latency")}
        return kept | {name: {"metric": one.metric} | one.as_json() if one else None for name, one in found.items()}


def kept(folder: Path) -> Exported | None:
    """The export in a folder; None where there is none, or one of another version of EdgeKit."""
    try:
        return Exported.model_validate_json((folder / REPORT).read_bytes())
    except (OSError, ValueError):
        return None
