"""A graph in the operators that onnx2torch knows, which it does for opset 10 to 17.

Newer operators are written in the terms of 17, and those that ONNX itself defines by others (Gelu, GroupNormalization)
by those others. What is left over stands in the way and is named.
"""

import onnx
from onnx import helper, inliner

from edgekit.core.errors import ModelError
from edgekit.core.opset import opset, raised
from edgekit.models._onnx2torch import onnx2torch
from edgekit.models.graphs import array, attribute

OLDEST, NEWEST = 10, 17  # of opset 9 its Slice does not run
_AXES_MOVED = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare")  # in opset 18: inputs


def in_known_operators(graph: onnx.ModelProto) -> onnx.ModelProto:
    """The graph in operators of opset OLDEST … NEWEST, each of them known to onnx2torch."""
    _refuse_unknown([n for n in graph.graph.node if n.domain or not _exists(n.op_type, onnx.defs.onnx_opset_version())])
    graph = raised(graph, OLDEST, "training needs")
    done: set[tuple[str, str]] = set()
    while kinds := _defined_by_others(graph) - done:  # more than once: Gelu holds a CastLike, which holds a Cast
        graph = inliner.inline_selected_functions(graph, sorted(kinds), inline_schema_functions=True)
        done |= kinds
    if opset(graph) > NEWEST:
        _lower(graph)
    _refuse_unknown([n for n in graph.graph.node if not _is_known(n.op_type, opset(graph))])
    return graph


def _defined_by_others(graph: onnx.ModelProto) -> set[tuple[str, str]]:
    """The operators that onnx2torch does not know and ONNX defines by others, as the inliner names them."""
    version = opset(graph)
    unknown = {n.op_type for n in graph.graph.node if not _is_known(n.op_type, min(version, NEWEST))}
    schemas = {kind: onnx.defs.get_schema(kind, version) for kind in unknown if _exists(kind, version)}
    return {("", k) for k, one in schemas.items() if one.has_function or one.has_context_dependent_function}


def _refuse_unknown(nodes: list[onnx.NodeProto]) -> None:
    kinds = sorted({f"{n.op_type} ({n.domain})" if n.domain else n.op_type for n in nodes})
    if kinds:
        raise ModelError(
            f"no trainable network can be made of a file with {', '.join(kinds)}: onnx2torch does not know "
            f"{'these operators' if len(kinds) > 1 else 'this operator'}. Techniques that work on graphs still apply."
        )


def _exists(kind: str, version: int) -> bool:
    try:
        onnx.defs.get_schema(kind, version)
    except onnx.defs.SchemaError:
        return False
    return True


def _is_known(kind: str, version: int) -> bool:
    if kind == "Constant":
        return True  # lifted before onnx2torch sees it
    try:
        onnx2torch().converter.get_converter(kind, version)
    except NotImplementedError:
        return False
    return _exists(kind, version)


def _lower(graph: onnx.ModelProto) -> None:
    """Write operators of newer opsets as NEWEST has them. Most only gained types; the checker finds what did not."""
    stored = {tensor.name for tensor in graph.graph.initializer}
    constants = {n.output[0]: n for n in graph.graph.node if n.op_type == "Constant"}
    for node in graph.graph.node:
        kept = [a for a in node.attribute if a.name not in ("num_outputs", "noop_with_empty_axes")]
        if node.op_type == "Split" and len(kept) < len(node.attribute):
            keep_attributes(node, kept)  # equal parts, which no sizes at all mean too
        if node.op_type.removeprefix("Reduce") in _AXES_MOVED and len(node.input) > 1:
            name = node.input[1]
            if name in stored:
                axes = array(graph, name)
            elif name in constants:
                axes = onnx.numpy_helper.to_array(attribute(constants[name], "value", None))
            else:
                raise ModelError(
                    f"training needs axes of {node.op_type} that are written in the file; those of {node.name!r} are "
                    "computed. Export it again with opset 17."
                )
            keep_attributes(node, [*kept, helper.make_attribute("axes", axes.astype(int).tolist())])
            del node.input[1:]
    next(o for o in graph.opset_import if not o.domain).version = NEWEST
    del graph.graph.value_info[:]
    try:
        onnx.checker.check_model(graph)
    except onnx.checker.ValidationError as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(
            f"training needs a file that can be written in ONNX opset {NEWEST}, and this one cannot: {reason} "
            f"Export it again with opset {NEWEST}."
        ) from None


def keep_attributes(node: onnx.NodeProto, kept: list[onnx.AttributeProto]) -> None:
    """Give a node these attributes and no others."""
    copies = []
    for attribute_ in kept:
        copies.append(onnx.AttributeProto())
        copies[-1].CopyFrom(attribute_)
    del node.attribute[:]
    node.attribute.extend(copies)
