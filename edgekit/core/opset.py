"""Which version of ONNX's operators a graph is written in, and how it is brought to a newer one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.core.errors import ModelError

if TYPE_CHECKING:
    import onnx


def opset(graph: onnx.ModelProto) -> int:
    """The version of ONNX's own operators that a graph uses."""
    return next(o.version for o in graph.opset_import if o.domain in ("", "ai.onnx"))


def raised(graph: onnx.ModelProto, least: int, needs: str, instead: str = "") -> onnx.ModelProto:
    """The graph itself if its operators are new enough, else a newer version of it.

    Args:
        needs: who needs it, as the error begins: "packing needs".
        instead: how else a person can go on, as the error ends: ", or use 8 bits".

    Raises:
        ModelError: the graph cannot be raised.
    """
    version = opset(graph)
    if version >= least:
        return graph
    from onnx import version_converter  # here, because core is part of the first page, which loads no onnx

    try:
        return version_converter.convert_version(graph, least)
    except RuntimeError as error:
        raise ModelError(
            f"{needs} ONNX opset {least} or newer; this graph has {version} and could not be raised: {error}. "
            f"Export it again with a newer opset{instead}."
        ) from None
