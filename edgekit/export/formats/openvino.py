"""OpenVINO's intermediate representation, for Intel processors, graphics and NPUs: reads QDQ graphs as they are."""

from pathlib import Path

from edgekit.core.progress import Progress, part, silent
from edgekit.export.format import Converted, Format, Source
from edgekit.export.written import written


class OpenVino(Format):
    """Every number as in the ONNX file: scales, zero points and codes."""

    title = "OpenVINO"
    makes = "an .xml file with the graph and a .bin file with the numbers"
    script = "openvino"
    requirements = ("openvino==2026.4.*",)
    modules = ("openvino",)
    megabytes = 220
    download = 85
    caution = "It reads none of our packed codes, so weights of few bits are widened to 8 bits or floats."

    def convert(self, source: Source, precision: str, folder: Path, progress: Progress = silent) -> Converted:
        """Of the widened graph."""
        from edgekit.export.graphs import widened

        with written(widened(source.graph)) as path:
            job = {"source": str(path), "target": str(folder / f"{source.name}.xml")}
            found = self._ask(job, part(progress, 0.1, 1))
        return Converted(f"{source.name}.xml", found["files"], found["ops"], found["weights"])

    def use(self, converted: Converted) -> str:
        """One stream, one thread."""
        return f"""import numpy as np, openvino as ov

settings = {{"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}}
model = ov.Core().compile_model("{converted.main}", "CPU", settings)
outputs = model([inputs])[0]
"""
