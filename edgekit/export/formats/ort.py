"""ONNX Runtime's own format: optimised once, here, so that a phone neither parses nor optimises when it opens it.

Microsoft, "ORT model format": https://onnxruntime.ai/docs/performance/model-optimizations/ort-format-models.html
"""

import collections
import tempfile
from pathlib import Path

from edgekit.core.progress import Progress, silent
from edgekit.export.format import Converted, Format, Source


class Ort(Format):
    """Optimised as far as any processor may take it: what is for one kind only is left to the device."""

    title = "ORT"
    makes = "one .ort file for ONNX Runtime's mobile and minimal builds"
    script = "ort"
    modules = ("onnxruntime",)
    caution = (
        "Weights of few bits are widened to 8 bits or floats, as the runtime would when it loads them. On x86 floats "
        "run slower from it than from ONNX: layouts that only some processors like are left out."
    )

    def convert(self, source: Source, precision: str, folder: Path, progress: Progress = silent) -> Converted:
        """By ONNX Runtime itself."""
        import onnx
        from onnx import helper

        main = f"{source.name}.ort"
        with tempfile.TemporaryDirectory() as beside:
            counted = Path(beside) / "counted.onnx"
            self._ask({"source": str(source.path), "target": str(folder / main), "counted": str(counted)}, progress)
            body = onnx.load(counted).graph
        weights = collections.Counter()
        for tensor in body.initializer:
            weights[helper.tensor_dtype_to_np_dtype(tensor.data_type).name] += int(_size(tensor.dims))
        return Converted(main, [main], dict(collections.Counter(n.op_type for n in body.node)), dict(weights))

    def use(self, converted: Converted) -> str:
        """As any other file; the options are those of ONNX."""
        return f"""import numpy as np, onnxruntime as ort

options = ort.SessionOptions()
options.intra_op_num_threads = 1
options.add_session_config_entry("session.intra_op.allow_spinning", "0")
session = ort.InferenceSession("{converted.main}", options, providers=["CPUExecutionProvider"])
outputs = session.run(None, {{session.get_inputs()[0].name: inputs}})[0]
"""


def _size(dims: list[int]) -> int:
    count = 1
    for size in dims:
        count *= size
    return count
