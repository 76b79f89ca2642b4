"""The float network of a file once more as a PyTorch program, for converters that start from PyTorch.

The weights are those of the file, dequantized where they are integers: so what was pruned, shared or rounded stays so.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.core.errors import ExportError, ModelError
from edgekit.core.progress import Progress, silent
from edgekit.export.format import Source

if TYPE_CHECKING:
    import onnx


def cannot_be_traced(graph: onnx.ModelProto) -> str:
    """Why no float network can be made of a graph, as far as its operators tell; empty where it may be."""
    from edgekit.export.graphs import stuck

    return stuck(graph)


@contextmanager
def exported_program(source: Source, progress: Progress = silent) -> Iterator[Path]:
    """A .pt2 file (torch.export) of the network for one sample; gone at the end of the `with`.

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
        raise ExportError(str(error)) from None
    progress(0.5, "tracing the network")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.pt2"
        try:
            program = torch.export.export(network.eval(), (torch.from_numpy(source.example),))
        except Exception as error:  # torch raises whatever its tracers happen to
            words = str(error).strip().splitlines()
            raise ExportError(
                f"torch.export cannot trace this network: {words[0] if words else type(error).__name__}"
            ) from None
        torch.export.save(program, path)
        del program, network
        yield path
