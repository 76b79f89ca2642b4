"""Whether a run that was made again came out the same: what the reproduction script asks and prints.

Without training, with the same versions, machine and data, the file must be the same byte for byte. After training, or
where any of those differ, it may be another one; then what counts is that it is as good: within the 95 % interval.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from edgekit.core.errors import ModelError
from edgekit.core.measurement import METRICS, Measurement, quality
from edgekit.core.run import Run
from edgekit.show import words

if TYPE_CHECKING:
    from edgekit.core.model import Model


class Expected(BaseModel, frozen=True, extra="forbid"):
    """What a run was, and so what it must be again.

    Attributes:
        file: what its file is called.
        made: the hash of everything that decides the file's bytes; see `Run.made`.
        trains: whether a step trains.
        quality: how good it was; None where that is not known.
        machine: the processor's name, and the id of the host.
    """

    run: str
    file: str
    sha256: str
    model: str
    model_sha256: str
    made: str
    trains: bool
    quality: Measurement | None
    versions: dict[str, str]
    machine: dict[str, str]

    @classmethod
    def of(cls, run: Run, file: str, trains: bool) -> Expected:
        """From a finished run."""
        return cls(
            run=run.id,
            file=file,
            sha256=run.artifact.sha256,
            model=run.model,
            model_sha256=run.model_sha256,
            made=run.made,
            trains=trains,
            quality=quality(run.measurements),
            versions=run.versions,
            machine={name: str(run.machine.get(name, "")) for name in ("cpu", "id")},
        )

    def check(self, model: Model) -> Model:
        """The model, if it is the one that the run was made of.

        Raises:
            ModelError: it has other weights, or is fed in another way.
        """
        if model.sha256 != self.model_sha256:
            raise ModelError(
                f"{self.model} must have sha256 {self.model_sha256}, as when run {self.run} was made; here it has "
                f"{model.sha256}. It was trained or added again since, so its file cannot be made again from it."
            )
        return model


class Again(BaseModel, frozen=True):
    """What became of it: whether it was reproduced, whether even the file is the same, and why, line by line."""

    reproduced: bool
    same_file: bool
    sha256: str
    differences: list[str]
    lines: list[str]


def compared(expected: Expected, run: Run) -> Again:
    """What came out, beside what was expected."""
    same = run.artifact.sha256 == expected.sha256
    differences = _differences(expected, run)
    must = not expected.trains and not differences
    as_good, about_quality = _as_good(expected, run)
    why = "" if not expected.trains else "training is part of the recipe"
    why = why or ("the conditions differ" if differences else "though nothing that decides its bytes differs")
    here, there = run.artifact.sha256[:12], expected.sha256[:12]
    file = f"The file is the same: sha256 {run.artifact.sha256}."
    if not same:
        file = f"The file is another one, sha256 {here}… where it was {there}…; {why}."
    lines = [*(differences or ["Versions, machine and data are the same."]), file, *about_quality]
    reproduced = same or (not must and as_good)
    lines.append("Reproduced." if reproduced else "NOT reproduced.")
    return Again(
        reproduced=reproduced, same_file=same, sha256=run.artifact.sha256, differences=differences, lines=lines
    )


def uploaded_again(file: Path, expected: Expected, data: str, **how: Any) -> Model:
    """An uploaded model from its file, fed as it was when the run was made.

    Args:
        how: title and architecture, as `library.add` takes them.

    Raises:
        ModelError: the file is refused, or no way to feed it makes it the model of the run.
    """
    from edgekit.library import add, card, cards, feed_otherwise, load

    if expected.model in cards():
        return expected.check(load(expected.model))
    name = add(file, data, **how)
    for way in card(name).ways:
        if name == expected.model:
            break
        name = feed_otherwise(name, way)
    return expected.check(load(name))


def _differences(expected: Expected, run: Run) -> list[str]:
    """What is not as it was, of all that decides which bytes a file has."""
    names = sorted(expected.versions | run.versions)
    moved = [
        f"{name} {expected.versions.get(name, 'missing')} → {run.versions.get(name, 'missing')}"
        for name in names
        if expected.versions.get(name) != run.versions.get(name)
    ]
    found = [f"Versions differ: {', '.join(moved)}."] if moved else []
    if expected.machine.get("id") != str(run.machine.get("id", "")):
        here, there = str(run.machine.get("cpu", "")), expected.machine.get("cpu", "")
        found.append(f"The machine differs: {here}" + (f", where it was {there}." if here != there else "."))
    if not found and expected.made and run.made != expected.made:
        found.append("The data differ: more or fewer training samples are here, or a teacher was trained again.")
    return found


def _as_good(expected: Expected, run: Run) -> tuple[bool, list[str]]:
    """Whether it is as good as it was, and the line that says so; where that was not known, it is left open."""
    before = expected.quality
    after = run.measurements.get(before.metric) if before else None
    if before is None or after is None:
        return before is None, []
    within = before.low <= after.value <= before.high
    title, now = METRICS[before.metric].title.split(" (")[0], words.percent(after.value, 2)
    band = f"{words.percent(before.low, 2)} to {words.percent(before.high, 2)}"
    where = "within" if within else "OUTSIDE"
    return within, [f"{title} is {now}, {where} the 95 % interval of {words.percent(before.value, 2)}: {band}."]
