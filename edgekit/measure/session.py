"""Opens a file in ONNX Runtime the plain way, as any user of the file would; what it refuses is said in our words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.core.errors import MeasureError

if TYPE_CHECKING:
    import onnxruntime


def open_session(path: Path | bytes, threads: int = 1) -> onnxruntime.InferenceSession:
    """A session on the processor, with default optimisations.

    Args:
        path: of a file, or what would be in it.
        threads: inside an operator. They do not spin while they wait, or sessions would disturb each other.

    Raises:
        MeasureError: there is no such file, it is not ONNX, or it holds what ONNX Runtime cannot run.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors come as exceptions anyway
    try:
        return onnxruntime.InferenceSession(
            path if isinstance(path, bytes) else str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # ONNX Runtime's exceptions have no base class of their own
        raise refusal(named(path), type(error).__name__, str(error)) from None


def named(path: Path | bytes) -> Path:
    """What errors call a file; one that was never written has no name."""
    return Path("the network" if isinstance(path, bytes) else path)


def refusal(path: Path, kind: str, text: str) -> MeasureError:
    """What an exception of ONNX Runtime means for the person: what must hold, what came, what to do.

    Args:
        kind: the name of the exception's class.
        text: its message.
    """
    path = Path(path)
    reason = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", " ".join(text.split())).rstrip(".")
    if kind == "NoSuchFile":
        return MeasureError(f"the file to measure must exist, but there is none at {path}. Make it again from its run.")
    if kind in ("InvalidProtobuf", "NoModel"):
        return MeasureError(
            f"{path.name} must be an ONNX file, but ONNX Runtime cannot read it as one. "
            "It is damaged or of another kind: export it again."
        )
    if kind == "NotImplemented":
        return MeasureError(
            f"every operator of {path.name} must be one that ONNX Runtime can run here, but it says: {reason}. "
            "Export with ordinary operators, or install a newer onnxruntime."
        )
    return MeasureError(
        f"ONNX Runtime must be able to run {path.name}, but it says: {reason}. "
        "Check the file with onnx.checker, and export it again."
    )
