"""A graph in the operators that onnx2torch knows, which it does for opset 10 to 17.

Newer operators are written in the terms of 17, and those that ONNX itself defines by others (Gelu, GroupNormalization)
by those others. What is left over stands in the way and is named.
"""

import onnx
from onnx import helper, inliner

from edgekit.core.errors import ModelError
from edgekit.core.opset import opset, raised
from edgekit.models._onnx2torch import onnx2torch
from edgekit.models._twin_shapes import infer
from edgekit.models.graphs import array, keep_attributes, lift_constants

OLDEST, NEWEST = 10, 17  # of opset 9 its Slice does not run
_AXES_MOVED = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare")  # in opset 18: inputs


def in_known_operators(graph: onnx.ModelProto) -> onnx.ModelProto:
    """The graph in operators of opset OLDEST … NEWEST, each of them known to onnx2torch, its constants initializers."""
    _refuse_unknown([n for n in graph.graph.node if n.domain or not _exists(n.op_type, onnx.defs.onnx_opset_version())])
    graph = raised(graph, OLDEST, "training needs")
    done: set[tuple[str, str]] = set()
    while kinds := _defined_by_others(graph) - done:  # more than once: Gelu holds a CastLike, which holds a Cast
        graph = _written_out(graph, kinds)
        done |= kinds
    lift_constants(graph)
    if opset(graph) > NEWEST:
        _lower(graph)
    _refuse_unknown([n for n in graph.graph.node if not _is_known(n.op_type, opset(graph))])
    return graph


def _written_out(graph: onnx.ModelProto, kinds: set[tuple[str, str]]) -> onnx.ModelProto:
    """The graph with what ONNX defines these operators by; as it is where types that this asks for are unknown."""
    infer(graph)
    graph.graph.value_info.extend(
        helper.make_tensor_value_info(one.name, one.data_type, one.dims) for one in graph.graph.initializer
    )
    try:
        return inliner.inline_selected_functions(graph, sorted(kinds), inline_schema_functions=True)
    except RuntimeError:
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
    stored, version = {tensor.name for tensor in graph.graph.initializer}, opset(graph)
    for node in graph.graph.node:
        kept = [one for one in node.attribute if not _says_nothing_new(node.op_type, one, version)]
        if node.op_type.removeprefix("Reduce") in _AXES_MOVED and len(node.input) > 1:
            name = node.input[1]
            if name not in stored:
                raise ModelError(
                    f"training needs axes that are written in the file, and those of {node.op_type} '{node.name}' are "
                    f"computed. Export it again with opset {NEWEST}."
                )
            kept.append(helper.make_attribute("axes", array(graph, name).tolist()))
            del node.input[1:]
        keep_attributes(node, kept)
    next(o for o in graph.opset_import if not o.domain).version = NEWEST
    del graph.graph.value_info[:]
    context = onnx.checker.C.CheckerContext()
    context.ir_version, context.opset_imports = graph.ir_version, {"": NEWEST}
    try:
        for node in graph.graph.node:
            onnx.checker.check_node(node, context)
    except onnx.checker.ValidationError as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise ModelError(
            f"training needs a file that can be written in ONNX opset {NEWEST}, and this one has {version} and cannot: "
            f"{reason}. Export it again with opset {NEWEST}."
        ) from None


def _says_nothing_new(kind: str, attribute: onnx.AttributeProto, version: int) -> bool:
    """Whether an attribute that NEWEST does not know only asks for what NEWEST does anyway."""
    if not _exists(kind, NEWEST) or attribute.name in onnx.defs.get_schema(kind, NEWEST).attributes:
        return False
    if (kind, attribute.name) == ("Split", "num_outputs"):
        return True  # equal parts, which no sizes at all mean too
    value, known = helper.get_attribute_value(attribute), onnx.defs.get_schema(kind, version).attributes
    default = known[attribute.name].default_value if attribute.name in known else onnx.AttributeProto()
    if default.name:
        return value == helper.get_attribute_value(default)
    return attribute.name == "dilations" and set(value) == {1}
