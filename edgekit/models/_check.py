"""Looks through an ONNX file without running it, and refuses what could do harm: part of `quarantine.py`.

It takes time and memory in proportion to the file's size, whatever the file says. Parts for training only are left
out, since nothing here ever reads them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import onnx
from google.protobuf.message import DecodeError
from onnx import AttributeProto, FunctionProto, GraphProto, ModelProto, SparseTensorProto, TensorProto

from edgekit.core.errors import ModelError
from edgekit.models._tensors import DAMAGED, MOST_DIMENSIONS, bytes_of, dtype, filled, said, size, text
from edgekit.models.facts import Facts, Limits, Port

_DOMAINS = {"", "ai.onnx.ml", "com.microsoft"}  # whose operators ONNX Runtime brings with it
_INTEGERS = re.compile(r"Quantize|Integer|NBits|Bnb4|^Q[A-Z]")  # QLinearConv, MatMulInteger, QAttention, …
_Key = tuple[str, str, str]  # a kind of node, or the function that it calls: domain, name, overload
_SHOWN = 5  # operators in a message


@dataclass
class _Body:
    """The graph or a function, with all its subgraphs."""

    operators: Counter[_Key] = field(default_factory=Counter)
    depth: int = 0  # of subgraphs
    depth_of: dict[_Key, int] = field(default_factory=dict)  # of the deepest node of a kind
    tensors: list[TensorProto] = field(default_factory=list)
    sparse: list[SparseTensorProto] = field(default_factory=list)


def checked(data: bytes, limits: Limits) -> Facts:
    """What an ONNX file holds, as far as it can be told without running it.

    Args:
        data: the whole file.

    Raises:
        ModelError: it is no ONNX file, is damaged, needs other files, or asks for more than the limits.
        MemoryError: it is too large for this process once decoded.
    """
    model = _decoded(data)
    bodies = _bodies(model, limits)
    operators = sum((body.operators for body in bodies.values()), Counter())
    _check_operators(operators, bodies)
    depth = _unfolded(bodies, limits)
    numbers, weight_bytes = _weights(bodies.values(), limits)
    kinds: Counter[str] = Counter()
    for (domain, name, _), count in operators.items():
        kinds[_full(domain, name)] += count
    graph = model.graph
    given = {tensor.name for tensor in graph.initializer} | {sparse.values.name for sparse in graph.sparse_initializer}
    inputs = [_port(one) for one in graph.input if one.name not in given]
    outputs = [_port(one) for one in graph.output]
    _check_ports(graph, inputs, outputs, limits)
    return Facts(
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        operators=dict(kinds.most_common()),
        nodes=operators.total(),
        depth=depth,
        params=numbers,
        weight_bytes=weight_bytes,
        opset=_opset(model, operators, bodies),
        quantized=any(_INTEGERS.search(name) for _, name, _ in operators),
    )


def _decoded(data: bytes) -> ModelProto:
    try:
        model = ModelProto.FromString(data)
    except DecodeError as error:
        if "alloc" in str(error):  # its only way to say so
            raise MemoryError from None
        raise ModelError(
            "the file must be an ONNX file, but it does not decode as one. It is damaged or of another kind: "
            "export it again."
        ) from None
    if not model.graph.node:
        raise ModelError(f"the network must have at least one operator, but the file holds none. {DAMAGED}")
    return model


def _bodies(model: ModelProto, limits: Limits) -> dict[_Key | None, _Body]:
    """The graph, as None, and every function, by the kind of node that calls it."""
    bodies = {None: _body(model.graph, limits)}
    for function in model.functions:
        key = _key(function.domain, function.name, function.overload)
        if key in bodies:
            raise ModelError(f"every function must stand once in the file, but {said(key[1])} stands twice. {DAMAGED}")
        bodies[key] = _body(function, limits)
    _check_count(sum(body.operators.total() for body in bodies.values()), limits)
    return bodies


def _body(start: GraphProto | FunctionProto, limits: Limits) -> _Body:
    body, waiting = _Body(), [(start, 0)]

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
        _check_count(body.operators.total() + len(part.node), limits)
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


def _unfolded(bodies: dict[_Key | None, _Body], limits: Limits) -> int:
    """How deep subgraphs and calls nest; refuses what would grow too large where calls give way to what they call."""
    known: dict[_Key | None, tuple[int, int]] = {}  # nodes, depth

    def visit(key: _Key | None, above: tuple[_Key | None, ...]) -> tuple[int, int]:
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


def _weights(bodies: Iterable[_Body], limits: Limits) -> tuple[int, int]:
    """Numbers and bytes of all stored tensors."""
    numbers = taken = full = 0
    for body in bodies:
        parts = [part for sparse in body.sparse for part in (sparse.values, sparse.indices)]
        for tensor in [*body.tensors, *parts]:
            more, size_bytes = size(tensor)
            numbers, taken = numbers + more, taken + size_bytes
        full += sum(map(filled, body.sparse))
    if taken + full > limits.weight_bytes:
        raise ModelError(
            f"the weights must take at most {limits.weight_bytes:,} bytes in memory, but they take {taken + full:,}. "
            "Take a smaller network."
        )
    return numbers, taken


def _check_operators(operators: Iterable[_Key], functions: dict[_Key | None, _Body]) -> None:
    foreign = [_full(*key[:2]) for key in operators if key[0] not in _DOMAINS and key not in functions]
    if foreign:
        shown = ", ".join(said(name) for name in foreign[:_SHOWN]) + (", …" if len(foreign) > _SHOWN else "")
        raise ModelError(
            "every operator must be one that ONNX Runtime has itself, or a function in the file, but the file needs "
            f"{shown}. EdgeKit loads no libraries of operators: export with ordinary ones."
        )


def _opset(model: ModelProto, operators: Iterable[_Key], functions: dict[_Key | None, _Body]) -> int:
    versions = [one.version for one in model.opset_import if one.domain in ("", "ai.onnx")]
    newest = onnx.defs.onnx_opset_version()
    if not versions and any(key[0] == "" and key not in functions for key in operators):
        raise ModelError(f"the file must say which version of ONNX's operators it uses, but it does not. {DAMAGED}")
    if versions and not 1 <= versions[0] <= newest:
        raise ModelError(
            f"the version of ONNX's operators (opset) must be from 1 to {newest}, but the file uses {versions[0]}. "
            "Install a newer onnx and onnxruntime, or export with an older opset."
        )
    return versions[0] if versions else 0


def _check_ports(graph: GraphProto, inputs: list[Port], outputs: list[Port], limits: Limits) -> None:
    if not inputs or not outputs:
        missing = "output" if inputs else "input"
        raise ModelError(f"the network must have an input and an output, but it has no {missing}. Export it again.")
    by_name = {one.name: one.type.tensor_type.elem_type for one in graph.input}
    for port in inputs:
        if port.dtype == "unknown":
            raise ModelError(f"every input must say its type, but {said(port.name)} does not. {DAMAGED}")
        if port.shape is None:
            continue
        taken = bytes_of(by_name[port.name], [1 if dim is None else dim for dim in port.shape])
        if taken > limits.input_bytes or len(port.shape) > MOST_DIMENSIONS:
            raise ModelError(
                f"an input must take at most {limits.input_bytes:,} bytes in at most {MOST_DIMENSIONS} dimensions, but "
                f"{said(port.name)} takes {taken:,} in {len(port.shape):,}. Take a network with smaller inputs."
            )


def _port(info: onnx.ValueInfoProto) -> Port:
    sort = info.type.WhichOneof("value")
    if sort != "tensor_type":
        return Port(name=text(info.name), dtype=(sort or "unknown").removesuffix("_type"), shape=None)
    tensor = info.type.tensor_type
    shape = None
    if tensor.HasField("shape"):  # ONNX Runtime takes a negative dimension for a free one, too
        shape = tuple(d.dim_value if d.HasField("dim_value") and d.dim_value >= 0 else None for d in tensor.shape.dim)
    return Port(name=text(info.name), dtype=dtype(tensor.elem_type), shape=shape)


def _key(domain: str, name: str, overload: str) -> _Key:
    return "" if domain == "ai.onnx" else text(domain), text(name), text(overload)


def _full(domain: str, name: str) -> str:
    return f"{domain}.{name}" if domain else name


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
