"""Whether the exported float file answers as the PyTorch network does: checked once for each structure."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.core.errors import MeasureError
from edgekit.core.model import Model
from edgekit.data.splits import Samples
from edgekit.measure.outputs import outputs

if TYPE_CHECKING:
    from torch import nn

SAMPLES, DECODED = 512, 64  # the latter where a sample takes many passes
ALLOWED = 0.005  # share of answers that may differ: rounding flips a close call now and then

_checked: set[str] = set()


def check_export(network: nn.Module, model: Model, samples: Samples) -> None:
    """Compare torch and ONNX Runtime on the first samples.

    Args:
        samples: validation samples; labels are not used.

    Raises:
        MeasureError: more than ALLOWED of the answers differ.
    """
    structure = hashlib.sha256(f"{model.sha256}{network!r}".encode()).hexdigest()
    if structure in _checked:
        return
    import torch

    from edgekit.artifacts.export import export
    from edgekit.artifacts.write import write

    samples = samples.take(DECODED if model.task.decoding else SAMPLES)
    inputs = model.preprocessing(samples.raw)
    with torch.no_grad():
        network.eval()
        wanted = model.task.run(lambda rows: network(torch.from_numpy(rows)).numpy(), inputs)  # (n, …)
    with tempfile.TemporaryDirectory() as folder:
        file = write(export(network, inputs[:1]), {}, Path(folder), "", None)
        got = outputs(Path(file.path), samples, model.preprocessing)
    answers = (model.task.meant(model.task.answers(found), samples.labels) for found in (wanted, got))
    differing = float(model.task.differ(*answers, samples.labels).mean())
    if differing > ALLOWED:
        raise MeasureError(
            f"the exported file must answer as the network does; {differing:.1%} of {len(samples)} answers differ. "
            "This is a fault of the export: please report the model and the recipe."
        )
    _checked.add(structure)
