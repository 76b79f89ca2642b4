"""The one place that writes the file which is measured, stored and downloaded."""

from pathlib import Path

import onnx

from edgekit.artifacts.filling import filled
from edgekit.artifacts.packing import pack
from edgekit.artifacts.slim import slim
from edgekit.core.artifact import Artifact
from edgekit.core.encoding import Stored
from edgekit.core.files import sha256, written_whole


def write(
    graph: onnx.ModelProto, encodings: dict[str, Stored], folder: Path, recipe: str, parent: str | None
) -> Artifact:
    """Pack the encoded weights, leave out what no runtime needs, and write `<sha256>.onnx` into `folder`.

    The same graph and encodings give the same bytes. The file appears whole or not at all.

    Args:
        graph: is not changed.
        encodings: weight initializer name -> how to pack it.
        recipe: fingerprint of the recipe that made the graph.
        parent: sha256 of the float file it came from, or None for a baseline.
    """
    data = slim(pack(filled(graph), encodings)).SerializeToString(deterministic=True)
    name = sha256(data)
    path = Path(folder) / f"{name}.onnx"
    with written_whole(path, durable=False) as file:  # the store keeps a durable copy
        file.write(data)
    return Artifact(path=str(path), sha256=name, bytes=len(data), recipe=recipe, parent=parent)
