"""ONNX, as it was measured: for ONNX Runtime on any processor, and for whoever reads ONNX."""

import shutil
from pathlib import Path

from edgekit.core.progress import Progress, silent
from edgekit.export.format import Converted, Format, Source


class Onnx(Format):
    """The very file of the run."""

    title = "ONNX"
    makes = "one .onnx file, byte for byte the one that was measured"
    script = "ort"
    modules = ("onnxruntime",)

    def convert(self, source: Source, precision: str, folder: Path, progress: Progress = silent) -> Converted:
        """A copy."""
        shutil.copyfile(source.path, folder / f"{source.name}.onnx")
        return Converted(f"{source.name}.onnx", [f"{source.name}.onnx"])

    def use(self, converted: Converted) -> str:
        """With the options that small networks on small processors want."""
        return f"""import numpy as np, onnxruntime as ort

options = ort.SessionOptions()
options.intra_op_num_threads = 1  # more only pay for large networks
options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # no thread burns power while it waits
session = ort.InferenceSession("{converted.main}", options, providers=["CPUExecutionProvider"])
outputs = session.run(None, {{session.get_inputs()[0].name: inputs}})[0]
"""
