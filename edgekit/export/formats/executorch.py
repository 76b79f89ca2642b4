"""ExecuTorch: PyTorch on phones, by XNNPACK's kernels."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgekit.core.progress import Progress, part, silent
from edgekit.export.format import CALIBRATED_ON, Converted, Format, Source
from edgekit.export.program import cannot_be_traced, exported_program

if TYPE_CHECKING:
    import onnx


class ExecuTorch(Format):
    """From the float network again: weights are those of the file, ranges of activations are found anew."""

    title = "ExecuTorch"
    makes = "one .pte file for XNNPACK"
    script = "executorch"
    requirements = ("executorch==1.5.*",)
    modules = ("executorch", "torchao")
    megabytes = 290
    download = 90
    borrows = True
    precisions = ("fp32", "int8")
    again = True

    def cannot(self, graph: "onnx.ModelProto", precision: str) -> str:
        """What no PyTorch network can be made of."""
        return cannot_be_traced(graph)

    def convert(self, source: Source, precision: str, folder: Path, progress: Progress = silent) -> Converted:
        """By ExecuTorch and torchao."""
        main = f"{source.name}.pte"
        with exported_program(source, part(progress, 0, 0.2)) as program:
            calibration = program.with_name("calibration.npy")
            np.save(calibration, source.calibration(CALIBRATED_ON))
            job = {
                "source": str(program), "target": str(folder / main), "precision": precision,
                "calibration": str(calibration),
            }  # fmt: skip
            found = self._ask(job, part(progress, 0.2, 1))
        return Converted(main, found["files"], found["ops"])

    def use(self, converted: Converted) -> str:
        """In Python; in an app, load the same file by ExecuTorch's Module class."""
        return f"""import torch
from executorch.runtime import Runtime

method = Runtime.get().load_program("{converted.main}").load_method("forward")
outputs = method.execute([torch.from_numpy(inputs)])[0].numpy()
"""
