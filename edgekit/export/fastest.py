"""Fastest here: one network in every runtime whose tools are on this machine, by turns, one thread each, ranked.

Formats that start from floats again are made in the precision that keeps the file's, and their answers are compared
too: a fast runtime that answers otherwise is no winner, and says so.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from pydantic import BaseModel

from edgekit.core.errors import ExportError
from edgekit.core.files import home, written_whole
from edgekit.core.interval import Interval
from edgekit.core.measurement import Measurement
from edgekit.core.progress import Progress, part, silent
from edgekit.export.exported import SAMPLES
from edgekit.export.formats import formats
from edgekit.export.race import Runner, by_turns
from edgekit.export.written import size_of
from edgekit.store.store import Store

if TYPE_CHECKING:
    from edgekit.export.check import Judged
    from edgekit.export.format import Format

REPORT = "fastest.json"
FIRST = "onnx"  # what the others are compared with


class Place(BaseModel, frozen=True):
    """One runtime: its latency, beside that of the ONNX file in ONNX Runtime, and what it answers.

    Attributes:
        ratio: its time over ONNX Runtime's, by turns.
        holds: whether it answers as the ONNX file does, within the limits of an export's check.
    """

    format: str
    precision: str
    runtime: str
    again: bool
    latency: Measurement
    ratio: Interval
    quality: Measurement
    disagreements: int
    size_bytes: int
    holds: bool


class Ranked(BaseModel, frozen=True):
    """The runtimes from the fastest to the slowest, and why others did not take part."""

    run: str
    samples: int
    places: list[Place]
    left_out: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """The stable form of the command line."""
        shown = {"latency", "quality"}
        places = [
            place.model_dump(mode="json", exclude=shown) | {name: getattr(place, name).as_json() for name in shown}
            for place in self.places
        ]
        return {"run": self.run, "samples": self.samples, "places": places, "left_out": self.left_out}


def ranked(run_id: str, *, samples: int = SAMPLES, store: Store | None = None, progress: Progress = silent) -> Ranked:
    """Make the run's file for every runtime that is here, run them by turns, and keep and return the ranking.

    Raises:
        ExportError: the run has no file, or not even ONNX Runtime takes it as exports are run.
    """
    from edgekit.data.splits import load as load_data
    from edgekit.export.check import answers, as_many, judged, runner
    from edgekit.export.exporting import source_of
    from edgekit.library import load

    store = store or Store.open()
    run = store.get(run_id)
    model = load(run.model)
    evaluation = as_many(load_data(run.data).evaluation.take(samples), model.task)
    source = source_of(run, store, model)
    inputs, left_out, made, places = model.preprocessing(evaluation.raw), {}, [], []
    kinds = sorted((kind for kind in formats().values() if kind.runs), key=lambda kind: kind.id != FIRST)
    with tempfile.TemporaryDirectory() as beside, contextlib.ExitStack() as opened:
        for number, kind in enumerate(kinds):
            here = part(progress, 0.7 * number / len(kinds), 0.7 * (number + 1) / len(kinds))
            precision, folder = kind.default(source.graph), Path(beside) / kind.id
            if why := kind.cannot(source.graph, precision) or kind.missing():
                left_out[kind.title] = why
                continue
            folder.mkdir()
            try:
                converted = kind.convert(source, precision, folder, part(here, 0, 0.7))
                ours = opened.enter_context(runner(kind, folder / converted.main))
                name = ours.open()
                found = answers(ours, inputs, model.task, folder, part(here, 0.7, 1))
                seen = judged(made[0].outputs if made else found, found, evaluation, model.task)
            except ExportError as error:
                if kind.id == FIRST:
                    raise
                left_out[kind.title] = str(error)
                continue
            size = sum(size_of(folder / file) for file in converted.shipped or converted.files)
            made.append(_Made(kind, precision, name, ours, found, seen, size))
        sample = Path(beside) / "sample.npy"
        np.save(sample, inputs[:1])
        turns = by_turns([one.runner for one in made], sample, part(progress, 0.7, 1))
    for number, one in enumerate(made):
        places.append(
            Place(
                format=one.kind.id,
                precision=one.precision,
                runtime=one.name,
                again=one.kind.again,
                latency=turns.latency(number).latency_ms,
                ratio=turns.ratio([number], [0]),
                quality=one.judged.quality,
                disagreements=one.judged.disagreements,
                size_bytes=one.size,
                holds=not one.judged.problems,
            )
        )
    result = Ranked(
        run=run.id,
        samples=len(evaluation),
        places=sorted(places, key=lambda place: place.latency.value),
        left_out=left_out,
    )
    with written_whole(_place(run.id)) as file:
        file.write(result.model_dump_json(indent=1).encode())
    progress(1.0, "ranked")
    return result


class _Made(NamedTuple):
    """A file in its runtime, with its outputs for the samples and what they say."""

    kind: Format
    precision: str
    name: str
    runner: Runner
    outputs: np.ndarray
    judged: Judged
    size: int


def known_ranking(run_id: str) -> Ranked | None:
    """The latest ranking of a run; None where there is none."""
    try:
        return Ranked.model_validate_json(_place(run_id).read_bytes())
    except (OSError, ValueError):
        return None


def _place(run_id: str) -> Path:
    return home() / "exports" / run_id / REPORT
