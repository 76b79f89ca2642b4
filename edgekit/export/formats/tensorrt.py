"""TensorRT, for NVIDIA's Jetsons: an engine is built on the device it runs on, so what leaves here is the script."""

from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.core.progress import Progress, silent
from edgekit.export.format import Converted, Format, Source

if TYPE_CHECKING:
    import onnx


class TensorRt(Format):
    """The file with ordinary operators, and the command that builds its engine and times it."""

    title = "TensorRT"
    makes = "an .onnx file that TensorRT reads, and the script that builds its engine on the device"
    runs = False
    why_not = "An engine is built on the NVIDIA device that will run it: nothing of it is run here."
    caution = "TensorRT takes activations of symmetric integers only: where a zero point is not 0, it refuses the file."

    def convert(self, source: Source, precision: str, folder: Path, progress: Progress = silent) -> Converted:
        """The widened graph, and the script."""
        from edgekit.export.graphs import is_integer, widened

        main, script = f"{source.name}.onnx", "build_engine.sh"
        graph = widened(source.graph)
        (folder / main).write_bytes(graph.SerializeToString())
        kind = "--int8 --fp16" if is_integer(graph) else "--fp16"
        (folder / script).write_text(
            "#!/usr/bin/env bash\n# Builds the engine on this device, and times it: one sample, the median of 10 s.\n"
            f"set -euo pipefail\ntrtexec --onnx={main} --saveEngine={source.name}.engine {kind} \\\n"
            f"    {_shapes(graph, source.example.shape)}--warmUp=500 --duration=10 --useSpinWait --noDataTransfers\n"
        )
        notes = _asymmetric(graph)
        return Converted(main, [main, script], notes=notes, shipped=(main,))

    def use(self, converted: Converted) -> str:
        """On the device."""
        return "bash build_engine.sh\n"


def _shapes(graph: "onnx.ModelProto", shape: tuple[int, ...]) -> str:
    """The option that says how large inputs are; trtexec refuses it where the file itself does."""
    given = graph.graph.input[0]
    if all(size.HasField("dim_value") for size in given.type.tensor_type.shape.dim):
        return ""
    return f"--shapes={given.name}:{'x'.join(map(str, shape))} "


def _asymmetric(graph: "onnx.ModelProto") -> list[str]:
    """Said where TensorRT will refuse the file's zero points."""
    from onnx import TensorProto, numpy_helper

    stored = {tensor.name: tensor for tensor in graph.graph.initializer}
    names = {node.input[2] for node in graph.graph.node if node.op_type == "QuantizeLinear" and len(node.input) > 2}
    zeros = [stored[name] for name in names & set(stored)]
    if any(zero.data_type == TensorProto.UINT8 or numpy_helper.to_array(zero).any() for zero in zeros):
        return ["Its activations have zero points, which TensorRT refuses: quantize with symmetric 8-bit integers."]
    return []
