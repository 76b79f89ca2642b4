"""Core ML, for Apple's devices: converted anywhere, run on macOS and iOS only."""

from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.core.progress import Progress, silent
from edgekit.export.format import FLOATS_INSTEAD, Converted, Source
from edgekit.export.program import FromTorch

if TYPE_CHECKING:
    import onnx


class CoreMl(FromTorch):
    """An ML program in float32 or half precision."""

    title = "Core ML"
    makes = "an .mlpackage folder"
    script = "coreml"
    requirements = ("coremltools==9.*",)
    modules = ("coremltools",)
    megabytes = 55
    download = 15
    precisions = ("fp16", "fp32")
    runs = False
    why_not = "Core ML predicts on macOS only: files are converted here, and not run."

    def cannot(self, graph: "onnx.ModelProto", precision: str) -> str:
        """Integers, and what no PyTorch network can be made of."""
        from edgekit.export.graphs import is_integer

        if is_integer(graph):
            return (
                "this converter writes floats, and making floats of integers would undo what you chose. "
                f"{FLOATS_INSTEAD}"
            )
        return super().cannot(graph, precision)

    def convert(self, source: Source, precision: str, folder: Path, progress: Progress = silent) -> Converted:
        """By Core ML Tools."""
        main = f"{source.name}.mlpackage"
        found = self.ask_of_program(source, folder / main, precision, progress)
        return Converted(main, [main], found["ops"], found["weights"])

    def use(self, converted: Converted) -> str:
        """On a Mac."""
        return f"""import coremltools as ct  # on macOS

model = ct.models.MLModel("{converted.main}")
outputs = model.predict({{model.get_spec().description.input[0].name: inputs}})
"""
