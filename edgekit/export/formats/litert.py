"""LiteRT, formerly TensorFlow Lite: for Android, iOS and, in 8 bits, for Coral and NPUs."""

from pathlib import Path

from edgekit.core.progress import Progress, silent
from edgekit.export.format import Converted, Source
from edgekit.export.program import FromTorch


class LiteRt(FromTorch):
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
    precisions = ("fp32", "int8", "fp16", "dynamic")

    def convert(self, source: Source, precision: str, folder: Path, progress: Progress = silent) -> Converted:
        """By litert-torch and AI Edge Quantizer."""
        main = f"{source.name}.tflite"
        found = self.ask_of_program(source, folder / main, precision, progress)
        return Converted(main, found["files"], found["ops"], found["weights"], found["notes"])

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
