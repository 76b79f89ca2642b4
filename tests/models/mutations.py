"""Damage done to ONNX files by chance: to their bytes, to any field of them, and where it is known to hurt."""

from collections.abc import Callable, Iterator

import numpy as np
from google.protobuf.message import DecodeError, EncodeError, Message
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper

HOSTILE_NUMBERS = [0, 1, -1, 2, 7, 16, 2**15, 2**31 - 1, -(2**31)]
HOSTILE_DIMENSIONS = [*HOSTILE_NUMBERS, 2**31, 2**62, 2**63 - 1, -(2**63)]
HOSTILE_TEXTS = [
    "",
    "output",
    "input",
    "Relu",
    "If",
    "\n",
    "\0",
    "é",
    "../../etc/passwd",
    "x" * 5000,
    "*/_ORT_MEM_ADDR_/*",
]
Random = np.random.Generator


def damaged(data: bytes, random: Random) -> bytes:
    """A file with one to three things wrong: mostly in its fields, since few files decode with wrong bytes."""
    for _ in range(random.integers(1, 4)):
        if random.random() < 0.2:
            data = choice(BYTES, random)(data, random)
            continue
        try:
            model = ModelProto.FromString(data)
            choice(FIELDS, random)(model, random)
            data = model.SerializePartialToString()
        except (DecodeError, EncodeError):  # damaged before, or nested too deep to be written
            continue
    return data


def choice(things: list, random: Random) -> object:
    """One of them; None if there are none."""
    return things[random.integers(len(things))] if len(things) else None


def flipped(data: bytes, random: Random) -> bytes:
    """One to eight bits."""
    found = bytearray(data)
    for _ in range(random.integers(1, 9)):
        found[random.integers(len(found))] ^= 1 << int(random.integers(8))
    return bytes(found)


def part(data: bytes, random: Random) -> tuple[int, int]:
    """Start and end of some bytes, mostly few."""
    start = int(random.integers(len(data)))
    return start, min(len(data), start + int(2 ** random.uniform(0, 10)))


def truncated(data: bytes, random: Random) -> bytes:
    """Never empty."""
    return data[: random.integers(1, len(data) + 1)]


def shortened(data: bytes, random: Random) -> bytes:
    """Some bytes are left out."""
    start, end = part(data, random)
    return data[:start] + data[end:] or data


def doubled(data: bytes, random: Random) -> bytes:
    """Some bytes stand twice."""
    start, end = part(data, random)
    return data[:end] + data[start:]


def overwritten(data: bytes, random: Random) -> bytes:
    """Some bytes are noise."""
    start, end = part(data, random)
    return data[:start] + random.bytes(end - start) + data[end:]


def moved(data: bytes, random: Random) -> bytes:
    """Some bytes stand elsewhere."""
    start, end = part(data, random)
    rest = data[:start] + data[end:]
    place = random.integers(len(rest) + 1)
    return rest[:place] + data[start:end] + rest[place:]


def messages(message: Message) -> Iterator[Message]:
    """A message and all that it holds."""
    yield message
    for field, value in message.ListFields():
        if field.message_type:
            for inner in value if field.is_repeated else [value]:
                yield from messages(inner)


def any_field(model: ModelProto, random: Random) -> None:
    """Clear, repeat or rewrite any field of any message."""
    message = choice(list(messages(model)), random)
    field = choice(message.DESCRIPTOR.fields, random)
    act = random.integers(3)
    if act == 0:
        message.ClearField(field.name)
    elif field.message_type and field.is_repeated:
        values = getattr(message, field.name)
        values.extend(list(values)[: int(random.integers(1, 30))] if values else [field.message_type._concrete_class()])
    elif field.message_type:
        getattr(message, field.name).SetInParent()
    else:
        value = a_value(field, random)
        if field.is_repeated:
            getattr(message, field.name).extend([value] * int(random.integers(1, 40)))
        else:
            setattr(message, field.name, value)


def a_value(field: object, random: Random) -> object:
    """What a field may hold and should not."""
    if field.enum_type:
        return choice(list(field.enum_type.values_by_number), random)
    if field.cpp_type == field.CPPTYPE_STRING:
        text = choice(HOSTILE_TEXTS, random)
        return text.encode() if field.type == field.TYPE_BYTES else text
    if field.cpp_type in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE):
        return choice([0.0, -1.0, 1e30, float("nan"), float("inf")], random)
    wide = field.cpp_type in (field.CPPTYPE_INT64, field.CPPTYPE_UINT64)
    number = choice(HOSTILE_DIMENSIONS if wide else HOSTILE_NUMBERS, random)
    return abs(number) % 2**63 if field.cpp_type in (field.CPPTYPE_UINT64, field.CPPTYPE_UINT32) else number


def of(model: ModelProto, kind: type, random: Random) -> Message:
    """Any message of a kind, or an empty one that is no part of the file."""
    return choice([one for one in messages(model) if isinstance(one, kind)], random) or kind()


def shape(model: ModelProto, random: Random) -> None:
    """A tensor's dimensions are shuffled, or one of them is negative, zero or giant."""
    dims = of(model, TensorProto, random).dims
    if len(dims) and random.random() < 0.7:
        dims[random.integers(len(dims))] = choice(HOSTILE_DIMENSIONS, random)
    else:
        dims[:] = list(random.permutation(list(dims)))


def elsewhere(model: ModelProto, random: Random) -> None:
    """A tensor lies in another file."""
    tensor = of(model, TensorProto, random)
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=choice(HOSTILE_TEXTS, random))


def kind_of_numbers(model: ModelProto, random: Random) -> None:
    """A tensor is of another type than its values."""
    of(model, TensorProto, random).data_type = int(random.integers(-1, 30))


def wired(model: ModelProto, random: Random) -> None:
    """A node takes anything, also its own output, or gives what another gives already."""
    node, other = of(model, NodeProto, random), of(model, NodeProto, random)
    names = [*other.input, *other.output]
    side = node.input if random.random() < 0.6 else node.output
    if len(side) and names:
        side[random.integers(len(side))] = choice(names, random)


def another_operator(model: ModelProto, random: Random) -> None:
    """A node is of another kind."""
    node, other = of(model, NodeProto, random), of(model, NodeProto, random)
    node.op_type, node.domain = other.op_type, choice([node.domain, other.domain, "com.microsoft", "evil"], random)


def nested(model: ModelProto, random: Random) -> None:
    """The graph stands in a branch in a branch in a branch …"""
    for _ in range(random.integers(1, 24)):
        branch = GraphProto()
        branch.CopyFrom(model.graph)
        node = helper.make_node("If", ["input"], [one.name for one in branch.output[:1]])
        node.attribute.append(helper.make_attribute("then_branch", branch))
        del model.graph.node[:]
        model.graph.node.append(node)


BYTES: list[Callable[[bytes, Random], bytes]] = [flipped, truncated, shortened, doubled, overwritten, moved]
FIELDS: list[Callable[[ModelProto, Random], None]] = [
    any_field,
    any_field,
    any_field,
    shape,
    elsewhere,
    kind_of_numbers,
]
FIELDS += [wired, another_operator, nested]
