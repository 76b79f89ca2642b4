"""Looks through an ONNX file without running it, and refuses what could do harm: part of `quarantine.py`.

It takes time and memory in proportion to the file's size, whatever the file says. Parts for training only are left
out, since nothing here ever reads them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto

from edgekit.core.errors import ModelError
from edgekit.models._bodies import Body, Key, bodies_of, unfolded
from edgekit.models._tensors import DAMAGED, MOST_DIMENSIONS, bytes_of, counted, dtype, filled, said, size, text
from edgekit.models.facts import Facts, Limits, Port

_DOMAINS = {"", "ai.onnx.ml", "com.microsoft"}  # whose operators ONNX Runtime brings with it
_INTEGERS = re.compile(r"[Qq]uantize|Integer|NBits|Bnb4|^Q[A-Z]")  # QLinearConv, MatMulInteger, QAttention, …
_SHOWN = 5  # operators in a message


def checked(data: bytes, limits: Limits) -> Facts:
    """What an ONNX file holds, as far as it can be told without running it.

    Args:
        data: the whole file.

    Raises:
        ModelError: it is no ONNX file, is damaged, needs other files, or asks for more than the limits.
        MemoryError: it is too large for this process once decoded.
    """
    model = _decoded(data)
    bodies = bodies_of(model, limits)
    operators: Counter[Key] = Counter()
    for body in bodies.values():
        operators.update(body.operators)
    _check_operators(operators, bodies)
    depth = unfolded(bodies, limits)
    numbers, weight_bytes = _weights(bodies.values(), limits)
    kinds: Counter[str] = Counter()
    for (domain, name, _), count in operators.items():
        kinds[_full(domain, name)] += count
    graph = model.graph
    given = {tensor.name for tensor in graph.initializer} | {sparse.values.name for sparse in graph.sparse_initializer}
    inputs = [_port(one) for one in graph.input if one.name not in given]
    outputs = [_port(one) for one in graph.output]
    _check_ports(inputs, outputs, limits)
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


def _weights(bodies: Iterable[Body], limits: Limits) -> tuple[int, int]:
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
            f"the weights must take at most {limits.weight_bytes:,} bytes in memory, but they take "
            f"{counted(taken + full)}. Take a smaller network."
        )
    return numbers, taken


def _check_operators(operators: Iterable[Key], functions: dict[Key | None, Body]) -> None:
    foreign = [_full(*key[:2]) for key in operators if key[0] not in _DOMAINS and key not in functions]
    if foreign:
        shown = ", ".join(said(name) for name in foreign[:_SHOWN]) + (", …" if len(foreign) > _SHOWN else "")
        raise ModelError(
            "every operator must be one that ONNX Runtime has itself, or a function in the file, but the file needs "
            f"{shown}. EdgeKit loads no libraries of operators: export with ordinary ones."
        )


def _opset(model: ModelProto, operators: Iterable[Key], functions: dict[Key | None, Body]) -> int:
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


def _check_ports(inputs: list[Port], outputs: list[Port], limits: Limits) -> None:
    if not inputs or not outputs:
        missing = "output" if inputs else "input"
        raise ModelError(f"the network must have an input and an output, but it has no {missing}. Export it again.")
    for port in inputs:
        if port.dtype == "unknown":
            raise ModelError(f"every input must say its type, but {said(port.name)} does not. {DAMAGED}")
        if port.shape is None:
            continue
        if len(port.shape) > MOST_DIMENSIONS:
            raise ModelError(
                f"an input must have at most {MOST_DIMENSIONS} dimensions, but {said(port.name)} has "
                f"{len(port.shape):,}. {DAMAGED}"
            )
        taken = bytes_of(port.dtype, [1 if dim is None else dim for dim in port.shape])
        if taken > limits.input_bytes:
            raise ModelError(
                f"an input must take at most {limits.input_bytes:,} bytes, but {said(port.name)} takes "
                f"{counted(taken)}. Take a network with smaller inputs."
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


def _full(domain: str, name: str) -> str:
    return f"{domain}.{name}" if domain else name
