"""ExecuTorch: PyTorch on phones, by XNNPACK's kernels."""

from pathlib import Path

from edgekit.core.progress import Progress, silent
from edgekit.export.format import Converted, Source
from edgekit.export.program import FromTorch


class ExecuTorch(FromTorch):
    """From the float network again: weights are those of the file, ranges of activations are found anew."""

    title = "ExecuTorch"
    makes = "one .pte file for XNNPACK"
    script = "executorch"
    requirements = ("executorch==1.5.*",)
    modules = ("executorch", "torchao")
    megabytes = 290
    download = 90
    precisions = ("fp32", "int8")

    def convert(self, source: Source, precision: str, folder: Path, progress: Progress = silent) -> Converted:
        """By ExecuTorch and torchao."""
        main = f"{source.name}.pte"
        found = self.ask_of_program(source, folder / main, precision, progress)
        return Converted(main, found["files"], found["ops"])

    def use(self, converted: Converted) -> str:
        """In Python; in an app, load the same file by ExecuTorch's Module class."""
        return f"""import torch
from executorch.runtime import Runtime

method = Runtime.get().load_program("{converted.main}").load_method("forward")
outputs = method.execute([torch.from_numpy(inputs)])[0].numpy()
"""
