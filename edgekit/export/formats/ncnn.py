"""ncnn, for phones and small boards: pnnx converts floats. Integers it would only take with tables of its own."""

from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.core.progress import Progress, part, silent
from edgekit.export.format import FLOATS_INSTEAD, Converted, Format, Source
from edgekit.export.written import written

if TYPE_CHECKING:
    import onnx


class Ncnn(Format):
    """Floats, stored in float32 or half precision."""

    title = "ncnn"
    makes = "a .param file with the layers and a .bin file with the weights"
    script = "ncnn"
    requirements = ("ncnn>=1.0.20260101", "pnnx>=20260101")
    modules = ("ncnn", "pnnx")
    megabytes = 140
    download = 45
    borrows = True  # pnnx asks for torch
    precisions = ("fp32", "fp16")
    caution = "Floats only: files that compute with integers are not taken."

    def cannot(self, graph: "onnx.ModelProto", precision: str) -> str:
        """Integers: pnnx leaves their scales in expressions that ncnn does not load."""
        from edgekit.export.graphs import is_integer

        if is_integer(graph):
            return (
                "a file whose activations are rounded is not taken, and making floats of it would undo what you chose. "
                f"{FLOATS_INSTEAD}"
            )
        return ""

    def convert(self, source: Source, precision: str, folder: Path, progress: Progress = silent) -> Converted:
        """Of the float graph."""
        from edgekit.export.graphs import floated

        with written(floated(source.graph)) as path:
            job = {
                "source": str(path), "target": str(folder / f"{source.name}.ncnn.param"), "precision": precision,
                "shape": str(list(source.example.shape)).replace(" ", "") + KINDS.get(source.example.dtype.kind, "f32"),
            }  # fmt: skip
            found = self._ask(job, part(progress, 0.1, 1))
        return Converted(found["files"][0], found["files"], found["ops"])

    def use(self, converted: Converted) -> str:
        """With the two traps of its Python binding avoided."""
        return f"""import numpy as np, ncnn

net = ncnn.Net()
net.opt.num_threads = 1
net.load_param("{converted.main}")
net.load_model("{converted.files[1]}")
extractor = net.create_extractor()
extractor.input(net.input_names()[0], ncnn.Mat(inputs[0]).clone())  # clone: it would read freed memory
outputs = np.array(extractor.extract(net.output_names()[0])[1])  # copied while the extractor lives
"""


KINDS = {"i": "i64", "u": "u8"}
