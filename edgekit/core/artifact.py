"""The file that was measured, and that a person takes home."""

from pydantic import BaseModel


class Artifact(BaseModel, frozen=True):
    """An .onnx file on disk.

    Attributes:
        path: where it lies now.
        sha256: of its bytes; the store files it under this name.
        bytes: its size.
        runtime: what it was made for: "onnxruntime".
        recipe: fingerprint of the recipe that made it.
        parent: sha256 of the float file it came from, or None for a baseline.
    """

    path: str
    sha256: str
    bytes: int
    runtime: str = "onnxruntime"
    recipe: str = ""
    parent: str | None = None
