"""Formats whose converters start from PyTorch, and the float network of a file once more as a PyTorch program.

The weights are those of the file, dequantized where they are integers: so what was pruned, shared or rounded stays so.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgekit.core.errors import ExportError, ModelError
from edgekit.core.progress import Progress, part, silent
from edgekit.export.format import CALIBRATED_ON, Format, Source

if TYPE_CHECKING:
    import onnx

INSTEAD = "Take ONNX, ORT or OpenVINO, which read the file itself."


class FromTorch(Format):
    """From the float network again: weights are those of the file, ranges of activations are found anew."""

    borrows = True
    again = True

    def cannot(self, graph: onnx.ModelProto, precision: str) -> str:
        """What no PyTorch network can be made of, as far as its operators tell."""
        from edgekit.export.graphs import stuck

        return stuck(graph)

    def ask_of_program(self, source: Source, target: Path, precision: str, progress: Progress) -> dict[str, Any]:
        """What the format's script answers to the job of writing `target`.

        Raises:
            ExportError: no PyTorch network can be made of the file, or the tools refuse it.
        """
        with exported_program(source, self.title, part(progress, 0, 0.2)) as program:
            calibration = program.with_name("calibration.npy")
            np.save(calibration, source.calibration(CALIBRATED_ON))
            job = {
                "source": str(program), "target": str(target), "precision": precision, "calibration": str(calibration),
            }  # fmt: skip
            return self._ask(job, part(progress, 0.2, 1))


@contextmanager
def exported_program(source: Source, title: str, progress: Progress = silent) -> Iterator[Path]:
    """A .pt2 file (torch.export) of the network for one sample; gone at the end of the `with`.

    Args:
        title: of the format that it is for.

    Raises:
        ExportError: no PyTorch network can be made of the file.
    """
    import torch

    from edgekit.export.graphs import floated
    from edgekit.models.twin import twin

    progress(0.0, "making floats of the file")
    try:
        network = twin(floated(source.graph))
    except ModelError as error:
        why = str(error).split(". ")[0].rstrip(".")  # what follows is of compressing
        raise ExportError(f"{title} starts from a PyTorch network, but {why}. {INSTEAD}") from None
    progress(0.5, "tracing the network")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.pt2"
        try:
            sample = torch.from_numpy(np.ascontiguousarray(source.example))  # its strides become part of the program
            program = torch.export.export(network.eval(), (sample,))
        except Exception as error:  # torch raises whatever its tracers happen to
            words = str(error).strip().splitlines()
            why = words[0].rstrip(".") if words else type(error).__name__
            raise ExportError(
                f"{title} starts from a traced network, but torch.export cannot trace it: {why}. {INSTEAD}"
            ) from None
        torch.export.save(program, path)
        del program, network
        yield path
