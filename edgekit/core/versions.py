"""The versions of every library that can change a number: part of what makes two measurements the same."""

import functools
import importlib.metadata

LIBRARIES = ("torch", "torch-pruning", "optuna", "onnx", "onnxruntime", "numpy")


@functools.cache
def versions() -> dict[str, str]:
    """Library -> version."""
    return {name: importlib.metadata.version(name) for name in LIBRARIES}
