"""One zip to hand on: the measured file with everything that is needed to run it, and nothing that is not.

model.onnx · labels.json · preprocessing.json and prepare.py, the same as numbers and as code · predict.py ·
sample.npy and expected_output.npy · LICENCE.txt · README.md
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgekit.core.errors import ExportError
from edgekit.core.files import sample_models
from edgekit.core.measurement import METRICS, Measurement
from edgekit.core.run import Run
from edgekit.data.catalog import Entry, entry
from edgekit.data.download import status
from edgekit.library import card
from edgekit.models.about import About
from edgekit.store.store import Store

if TYPE_CHECKING:
    from edgekit.core.preprocessing import Preprocessing

CARRIED = Path(__file__).with_name("carried")
WHEN = (1980, 1, 1, 0, 0, 0)  # the same bundle of the same run, whenever it is made


def cannot_be_bundled(run: Run) -> str:
    """Why there is no bundle of a run; empty where there is."""
    if run.artifact is None:
        return f"run {run.id} is {run.status.value} and has no file to bundle. Choose one that is done."
    about, here = card(run.model), status(run.data)
    if not (CARRIED / f"{about.preprocessing.kind}.py").exists():
        return (
            f"a bundle holds the code that prepares samples, and for {about.title} that is not one step: it writes its "
            "answer a piece at a time. Take the file alone, with the lines under 'Run this file'."
        )
    return "" if here.present else f"a bundle holds a test sample, but {entry(run.data).title} is {here.note}"


def bundled(run_id: str, store: Store | None = None) -> bytes:
    """The zip of a run's file.

    Raises:
        ExportError: the run has no file, or how its samples are prepared is no code that stands alone.
    """
    from edgekit.data.splits import load
    from edgekit.measure.outputs import KINDS
    from edgekit.measure.session import open_session

    store = store or Store.open()
    run = store.get(run_id)
    if why := cannot_be_bundled(run):
        raise ExportError(why)
    about, data, path = card(run.model), entry(run.data), store.file(run.artifact.sha256)
    prepared = about.preprocessing
    sample = load(run.data).evaluation.raw[:1]
    session = open_session(path)
    kind = np.dtype(KINDS.get(session.get_inputs()[0].type, np.float32)).name
    outputs = session.run(None, {session.get_inputs()[0].name: prepared(sample).astype(kind)})[0]
    settings = {"settings": prepared.model_dump(mode="json"), "in_words": prepared.in_words(data.shape)}
    shapes = {"sample_shape": list(data.shape), "input_shape": list(prepared.shape(data.shape)), "input_type": kind}
    content = {
        "model.onnx": path.read_bytes(),
        "labels.json": _json(list(data.classes)),
        "preprocessing.json": _json(settings | shapes),
        "prepare.py": (CARRIED / f"{prepared.kind}.py").read_bytes(),
        "predict.py": (CARRIED / "predict.py").read_bytes(),
        "sample.npy": _array(sample[0]),
        "expected_output.npy": _array(outputs),
        "LICENCE.txt": _licence(about, data).encode(),
        "README.md": _readme(run, about, data, settings["in_words"]).encode(),
    } | _vocabulary(prepared)
    return _zipped(content)


def _vocabulary(prepared: Preprocessing) -> dict[str, bytes]:
    name = getattr(prepared, "vocabulary", None)
    return {"vocab.txt": (sample_models() / name).read_bytes()} if name else {}


def _licence(about: About, data: Entry) -> str:
    licence = getattr(about, "licence", "") or "the licence of the file that you brought"
    text = f"The network ({about.title}): {licence}\n"
    text += f"The sample in sample.npy ({data.title}): {data.licence or 'as the data set that you brought'}\n"
    if data.citation:
        text += f"{data.citation}\n"
    return text + "prepare.py and predict.py, by EdgeKit: MIT\n"


def _readme(run: Run, about: About, data: Entry, takes: str) -> str:
    steps = " → ".join(next(iter(step)) for step in run.recipe) or "as it was trained"
    rows = [f"| {METRICS[name].title} | {_value(found)} | {found.how} |" for name, found in run.measurements.items()]
    return "\n".join(
        [
            f"# {about.title}",
            "",
            f"{about.summary} Compressed: {steps}.",
            "",
            "```sh",
            "pip install numpy onnxruntime",
            "python predict.py             # runs the sample, and checks its answer",
            "python predict.py yours.npy",
            "```",
            "",
            f"A sample is an array {tuple(data.shape)} as it comes; the network takes {takes}.",
            "`prepare.py` does that, by the numbers in `preprocessing.json`.",
            "",
            "| measured | | how |",
            "|---|---|---|",
            *rows,
            "",
            f"All of exactly this file: sha256 `{run.artifact.sha256}`, made by EdgeKit run {run.id}.",
            "",
        ]
    )


def _value(found: Measurement) -> str:
    if found.unit == "fraction":
        return f"{found.value:.2%} ({found.low:.2%} to {found.high:.2%})"
    return f"{found.value:,.4g} {found.unit}" if found.value < 100 else f"{found.value:,.0f} {found.unit}"


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def _array(value: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(value))
    return buffer.getvalue()


def _zipped(content: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(zipfile.ZipInfo(name, WHEN), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
