"""A run to another format: convert, check, and keep what came of it in a folder. The whole story, in this order."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.core.errors import ExportError, unknown
from edgekit.core.files import home, written_whole
from edgekit.core.progress import Progress, part, silent
from edgekit.core.run import Run
from edgekit.export.exported import REPORT, SAMPLES, Exported, kept
from edgekit.export.format import CALIBRATED_ON, Source
from edgekit.export.formats import format_of, formats
from edgekit.export.written import size_of, staged
from edgekit.store.store import Store

if TYPE_CHECKING:
    import onnx

    from edgekit.core.model import Model

ANEW = (
    f"Its integers were made here, with ranges seen on {CALIBRATED_ON} training samples, and are not those of the ONNX "
    "file. Where that loses too much, take floats, or a format that keeps the file's own: ONNX, ORT or OpenVINO."
)
LONGEST_NAME = 100  # letters of a file's name, of which systems take 255 with all that is appended


def export(
    run_id: str,
    to: str,
    out: Path,
    *,
    precision: str | None = None,
    samples: int = SAMPLES,
    store: Store | None = None,
    progress: Progress = silent,
) -> Exported:
    """Export a run's file and check what comes out in its own runtime.

    Args:
        to: a format's id.
        out: the folder for the files, and for export.json, which tells of them.
        precision: one of the format's; by default the one that keeps the file as it is.
        samples: test samples of the check.

    Raises:
        ExportError: there is no such format or precision, it cannot hold this network, or its tools are not here.
    """
    from edgekit.data.splits import load as load_data
    from edgekit.export.check import checked, keeps
    from edgekit.library import load

    started, kind, store = time.perf_counter(), format_of(to), store or Store.open()
    run = store.get(run_id)
    model = load(run.model)
    source = source_of(run, store, model)
    precision = precision or kind.default(source.graph)
    if precision not in kind.precisions:
        raise ExportError(f"{kind.title}: {unknown('precision', precision, kind.precisions)}")
    if why := kind.cannot(source.graph, precision):
        raise ExportError(f"{kind.title}: {why}")
    if missing := kind.missing():
        raise ExportError(f"{kind.title} {missing}")
    with staged(out) as folder:
        converted = kind.convert(source, precision, folder, part(progress, 0, 0.5))
        files = {name: size_of(folder / name) for name in converted.files}
        size = sum(files[name] for name in converted.shipped or files)
        evaluation = load_data(run.data).evaluation.take(samples)
        found = checked(kind, converted, folder, source.path, model, evaluation, part(progress, 0.5, 1))
        problems = [*found.pop("problems", []), *keeps(converted, precision, source.graph, size)]
        result = Exported(
            run=run.id,
            model=run.model,
            format=kind.id,
            title=kind.title,
            precision=precision,
            main=converted.main,
            files=files,
            size_bytes=size,
            again=kind.again,
            original_bytes=run.artifact.bytes,
            operators=converted.operators,
            weights=converted.weights,
            problems=problems,
            notes=[*found.pop("notes"), *([ANEW] if problems and kind.again and precision == "int8" else [])],
            use=kind.use(converted),
            seconds=time.perf_counter() - started,
            **found,
        )
        (out / REPORT).unlink(missing_ok=True)  # it tells of the files before, which are replaced now
    with written_whole(out / REPORT) as file:
        file.write(result.model_dump_json(indent=1).encode())
    progress(1.0, "done")
    return result


def place(run_id: str, to: str, precision: str) -> Path:
    """Where the page keeps an export."""
    return _folder(run_id) / f"{to}-{precision.replace(' ', '_')}"


def all_of(run_id: str) -> dict[Path, Exported]:
    """What was exported of a run on the page: folder -> what came of it."""
    folders = sorted(_folder(run_id).glob("*/"))
    return {folder: found for folder in folders if (found := kept(folder)) and found.format in formats()}


def forget(run_id: str) -> None:
    """Delete what was exported of a run on the page."""
    shutil.rmtree(_folder(run_id), ignore_errors=True)


def _folder(run_id: str) -> Path:
    return home() / "exports" / run_id


def graph_of(run: Run, store: Store) -> onnx.ModelProto:
    """The graph of a run's file, without what only ONNX Runtime is quicker by.

    Raises:
        ExportError: the run has no file.
    """
    import onnx

    from edgekit.artifacts.filling import unfilled

    if run.artifact is None:
        raise ExportError(f"run {run.id} is {run.status.value} and has no file to export. Choose one that is done.")
    return unfilled(onnx.load(store.file(run.artifact.sha256)))


def source_of(run: Run, store: Store, model: Model) -> Source:
    """What converters need of a run.

    Raises:
        ExportError: the run has no file.
    """
    from edgekit.data.feed import calibration
    from edgekit.data.splits import load as load_data

    graph, dataset = graph_of(run, store), load_data(run.data)
    steps = [next(iter(step)) for step in run.recipe] or ["original"]
    return Source(
        name="-".join([run.model, *steps])[:LONGEST_NAME].rstrip("-_"),
        path=store.file(run.artifact.sha256),
        graph=graph,
        example=model.preprocessing(dataset.training.raw[:1]),
        calibration=lambda n: calibration(dataset.training, model.preprocessing, n, 0),
    )
