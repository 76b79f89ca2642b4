"""The graph of an ONNX file and its functions, with all that nests in them: part of `_check.py`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from onnx import AttributeProto, FunctionProto, GraphProto, ModelProto, SparseTensorProto, TensorProto

from edgekit.core.errors import ModelError
from edgekit.models._tensors import DAMAGED, said, text
from edgekit.models.facts import Limits

Key = tuple[str, str, str]  # a kind of node, or the function that it calls: domain, name, overload


@dataclass
class Body:
    """The graph or a function, with all its subgraphs."""

    operators: Counter[Key] = field(default_factory=Counter)
    depth: int = 0  # of subgraphs
    depth_of: dict[Key, int] = field(default_factory=dict)  # of the deepest node of a kind
    tensors: list[TensorProto] = field(default_factory=list)
    sparse: list[SparseTensorProto] = field(default_factory=list)


def bodies_of(model: ModelProto, limits: Limits) -> dict[Key | None, Body]:
    """The graph, as None, and every function, by the kind of node that calls it."""
    bodies = {None: _body(model.graph, limits)}
    for function in model.functions:
        key = _key(function.domain, function.name, function.overload)
        if key in bodies:
            raise ModelError(f"every function must stand once in the file, but {said(key[1])} stands twice. {DAMAGED}")
        bodies[key] = _body(function, limits)
    _check_count(sum(body.operators.total() for body in bodies.values()), limits)
    return bodies


def _body(start: GraphProto | FunctionProto, limits: Limits) -> Body:
    body, waiting, nodes = Body(), [(start, 0)], 0

    def take(attributes: Iterable[AttributeProto], depth: int) -> None:
        """Whatever type an attribute says it is of, all that it holds."""
        for one in attributes:
            body.tensors.extend([one.t] if one.HasField("t") else [])
            body.tensors.extend(one.tensors)
            body.sparse.extend([one.sparse_tensor] if one.HasField("sparse_tensor") else [])
            body.sparse.extend(one.sparse_tensors)
            graphs = [*([one.g] if one.HasField("g") else []), *one.graphs]
            waiting.extend((graph, depth + 1) for graph in graphs)

    while waiting:
        part, depth = waiting.pop()
        _check_depth(depth, limits)
        nodes += len(part.node)
        _check_count(nodes, limits)
        body.depth = max(body.depth, depth)
        if isinstance(part, GraphProto):
            body.tensors.extend(part.initializer)
            body.sparse.extend(part.sparse_initializer)
        else:
            take(part.attribute_proto, depth)
        for node in part.node:
            key = _key(node.domain, node.op_type, node.overload)
            body.operators[key] += 1
            body.depth_of[key] = max(body.depth_of.get(key, 0), depth)
            take(node.attribute, depth)
    return body


def unfolded(bodies: dict[Key | None, Body], limits: Limits) -> int:
    """How deep subgraphs and calls nest; refuses what would grow too large where calls give way to what they call."""
    known: dict[Key | None, tuple[int, int]] = {}  # nodes, depth

    def visit(key: Key | None, above: tuple[Key | None, ...]) -> tuple[int, int]:
        if key in known:
            return known[key]
        if key in above:
            raise ModelError(f"a function must not call itself, but {said(key[1])} does. {DAMAGED}")
        _check_depth(len(above), limits)
        body = bodies[key]
        nodes, depth = body.operators.total(), body.depth
        for kind, count in body.operators.items():
            if kind in bodies:
                inner, below = visit(kind, (*above, key))
                nodes += count * inner
                depth = max(depth, body.depth_of[kind] + 1 + below)
        known[key] = nodes, depth
        return known[key]

    for key in bodies:
        _check_depth(visit(key, ())[1], limits)
    nodes, depth = known[None]
    _check_count(nodes, limits)
    return depth


def _key(domain: str, name: str, overload: str) -> Key:
    return "" if domain == "ai.onnx" else text(domain), text(name), text(overload)


def _check_count(nodes: int, limits: Limits) -> None:
    if nodes > limits.nodes:
        raise ModelError(
            f"a network must have at most {limits.nodes:,} operators, with those of its functions wherever they are "
            "called, but this one has more. Take a smaller network."
        )


def _check_depth(depth: int, limits: Limits) -> None:
    if depth > limits.depth:
        raise ModelError(
            f"subgraphs and functions must nest at most {limits.depth} deep, but these nest deeper. "
            "Export without loops inside loops."
        )
