"""What a person waits for: not the network alone, but decoding a sample, preparing it, running the file, and answering.

Every step is timed for one sample after another in a fresh process, the files by turns. Images are decoded from PNG and
sound from WAV, by Pillow and scipy as the rest of EdgeKit does it; tables come as numbers and texts as bytes, so
nothing is decoded.
"""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgekit.core.host import this_host
from edgekit.core.measurement import Measurement, Origin
from edgekit.core.model import Model
from edgekit.core.progress import Progress, silent
from edgekit.core.text import asked
from edgekit.data.catalog import Entry
from edgekit.data.splits import Samples
from edgekit.measure import child
from edgekit.measure.lock import quiet
from edgekit.measure.statistics import median

STEPS = {"decode": "Decode", "prepare": "Prepare", "run": "Run the network", "answer": "Read the answer"}
SAMPLES, SECONDS = 32, 0.5
FORMS = {"image": "png", "sound": "wav", "values": "npy", "text": "txt"}


@dataclass(frozen=True)
class Whole:
    """One sample from its file to its answer.

    Attributes:
        steps: a key of STEPS -> the median time.
        total_ms: the median of all together, which need not be the sum of the medians.
    """

    steps: dict[str, Measurement]
    total_ms: Measurement


def whole_latencies(paths: list[Path], model: Model, samples: Samples, progress: Progress = silent) -> list[Whole]:
    """The latency of every step around each file.

    Args:
        samples: of the data set that the files are for; SAMPLES of them are used.

    Raises:
        MeasureError: a file cannot be run here.
    """
    few = samples.take(SAMPLES)
    with tempfile.TemporaryDirectory() as folder:
        names = [_encoded(raw, few.entry, Path(folder) / str(number)) for number, raw in enumerate(few.raw)]
        job = {
            "do": "whole", "paths": [str(path) for path in paths], "threads": 1, "seconds": SECONDS,
            "samples": [str(name) for name in names], "edgekit": str(Path(__file__).parents[2]),
            "preprocessing": model.preprocessing.model_dump(mode="json"), "task": model.task.id,
        }  # fmt: skip
        with quiet(progress):
            found = child.run(job, progress, "timing the whole way")
    runs = [np.array(times, np.float64) / 1e6 for times in found["runs"]]
    settings = ", ".join(filter(None, ["1 thread", model.task.decoding, f"ONNX Runtime {found['version']}"]))
    return [_whole(times, f"median of {len(times)} runs of {len(names)} samples, {settings}") for times in runs]


def _whole(times: np.ndarray, how: str) -> Whole:
    """From milliseconds (runs, steps)."""
    steps = {step: _measured(times[:, place], how) for place, step in enumerate(STEPS)}
    return Whole(steps, _measured(times.sum(1), how))


def _measured(times: np.ndarray, how: str) -> Measurement:
    found = median(times)
    return Measurement(
        metric="latency_ms", value=found.value, low=found.low, high=found.high, origin=Origin.MEASURED,
        device=this_host().id, how=how,
    )  # fmt: skip


def _encoded(raw: np.ndarray, about: Entry, path: Path) -> Path:
    """A sample in a file of the kind that a person has."""
    path = path.with_suffix(f".{FORMS[about.kind]}")
    if about.kind == "image":
        from PIL import Image

        Image.fromarray(raw[..., 0] if raw.shape[-1] == 1 else raw).save(path)
    elif about.kind == "sound":
        from scipy.io import wavfile

        held = io.BytesIO()
        wavfile.write(held, about.rate, np.asarray(raw))
        path.write_bytes(held.getvalue())
    elif about.kind == "text":
        path.write_text(asked(raw), "utf-8")
    else:
        np.save(path, raw)
    return path
