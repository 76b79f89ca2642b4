"""ONNX Runtime's own format: optimised once, here, so that a phone neither parses nor optimises when it opens it.

Microsoft, "ORT model format": https://onnxruntime.ai/docs/performance/model-optimizations/ort-format-models.html
"""

import tempfile
from collections import Counter
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

        from edgekit.export.graphs import stored_numbers

        main = f"{source.name}.ort"
        with tempfile.TemporaryDirectory() as beside:
            counted = Path(beside) / "counted.onnx"
            self._ask({"source": str(source.path), "target": str(folder / main), "counted": str(counted)}, progress)
            graph = onnx.load(counted)
        operators = Counter(node.op_type for node in graph.graph.node)
        return Converted(main, [main], dict(operators), stored_numbers(graph))

    def use(self, converted: Converted) -> str:
        """As any other file; the options are those of ONNX."""
        return f"""import numpy as np, onnxruntime as ort

options = ort.SessionOptions()
options.intra_op_num_threads = 1
options.add_session_config_entry("session.intra_op.allow_spinning", "0")
session = ort.InferenceSession("{converted.main}", options, providers=["CPUExecutionProvider"])
outputs = session.run(None, {{session.get_inputs()[0].name: inputs}})[0]
"""
