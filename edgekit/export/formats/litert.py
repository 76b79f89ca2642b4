"""LiteRT, formerly TensorFlow Lite: for Android, iOS and, in 8 bits, for Coral and NPUs."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgekit.core.progress import Progress, part, silent
from edgekit.export.format import CALIBRATED_ON, Converted, Format, Source
from edgekit.export.program import cannot_be_traced, exported_program

if TYPE_CHECKING:
    import onnx


class LiteRt(Format):
    """From the float network again: weights are those of the file, ranges of activations are found anew."""

    title = "LiteRT (TFLite)"
    makes = "one .tflite file"
    script = "litert"
    environment = "litert"
    requirements = ("litert-torch==0.10.*", "tflite-micro>=0.dev20251001")
    modules = ("litert_torch", "ai_edge_quantizer", "ai_edge_litert")
    run_modules = ("ai_edge_litert",)
    megabytes = 960
    download = 330
    borrows = True
    precisions = ("fp32", "int8", "fp16", "dynamic")
    again = True

    def cannot(self, graph: "onnx.ModelProto", precision: str) -> str:
        """What no PyTorch network can be made of."""
        return cannot_be_traced(graph)

    def convert(self, source: Source, precision: str, folder: Path, progress: Progress = silent) -> Converted:
        """By litert-torch and AI Edge Quantizer."""
        main = f"{source.name}.tflite"
        with exported_program(source, part(progress, 0, 0.2)) as program:
            calibration = program.with_name("calibration.npy")
            np.save(calibration, source.calibration(CALIBRATED_ON))
            job = {
                "source": str(program), "target": str(folder / main), "precision": precision,
                "calibration": str(calibration),
            }  # fmt: skip
            found = self._ask(job, part(progress, 0.2, 1))
        return Converted(main, found["files"], found["ops"], found["weights"])

    def use(self, converted: Converted) -> str:
        """With ai-edge-litert; a file of integers takes and gives integers."""
        return f"""import numpy as np
from ai_edge_litert.interpreter import Interpreter

model = Interpreter("{converted.main}", num_threads=1)
model.allocate_tensors()
given, found = model.get_input_details()[0], model.get_output_details()[0]
scale, zero = given["quantization"]
if scale:
    inputs = np.clip(np.rint(inputs / scale) + zero, -128, 127).astype(given["dtype"])
model.set_tensor(given["index"], inputs)
model.invoke()
outputs = model.get_tensor(found["index"])
scale, zero = found["quantization"]
outputs = (outputs.astype(np.float32) - zero) * scale if scale else outputs
"""
