"""Subgraphs and functions count wherever they stand or are called, and may not nest without end."""

import onnx
import pytest
from onnx import helper

from edgekit.core.errors import ModelError
from edgekit.models._check import checked
from edgekit.models.facts import Limits
from tests.models.checking import CALLS, DAMAGED, facts, nested, refusal


def test_calls_of_functions_nest_and_count_as_often_as_they_are_called():
    calls = onnx.parser.parse_model(CALLS)
    found = facts(calls)
    assert (found.operators, found.nodes, found.depth) == ({"own.twice": 2, "own.once": 2, "Relu": 1}, 5, 2)
    assert facts(calls, Limits(nodes=2 + 2 * (2 + 2 * 1), depth=2)) == found
    assert refusal(calls, nodes=9) == (
        "a network must have at most 9 operators, with those of its functions wherever they are called, but this one "
        "has more. Take a smaller network."
    )
    assert refusal(calls, depth=1) == (
        "subgraphs and functions must nest at most 1 deep, but these nest deeper. Export without loops inside loops."
    )


def test_functions_that_grow_to_billions_of_operators_are_refused_at_once():
    calls = onnx.parser.parse_model(CALLS)
    for number in range(12):
        wider = onnx.FunctionProto(name=f"f{number}", domain="own")
        wider.node.extend([helper.make_node(f"f{number - 1}" if number else "once", [], [], domain="own")] * 50)
        calls.functions.append(wider)
    calls.graph.node[0].op_type = "f11"
    assert refusal(calls).startswith("a network must have at most 100,000 operators")


def test_a_function_that_calls_itself_is_refused():
    calls = onnx.parser.parse_model(CALLS)
    calls.functions[1].node[0].domain, calls.functions[1].node[0].op_type = "own", "twice"
    assert refusal(calls) == f"a function must not call itself, but 'twice' does. {DAMAGED}"


def test_a_function_that_stands_twice_is_refused():
    calls = onnx.parser.parse_model(CALLS)
    calls.functions.append(calls.functions[0])
    assert refusal(calls) == f"every function must stand once in the file, but 'twice' stands twice. {DAMAGED}"


def test_subgraphs_may_nest_as_deep_as_the_limit_and_no_deeper():
    assert facts(nested(5)).depth == 5
    assert refusal(nested(6), depth=5).startswith("subgraphs and functions must nest at most 5 deep")


def test_nesting_deeper_than_protobuf_reads_is_damage():
    data = b""
    for _ in range(10_000):
        for field in (b"\x32", b"\x2a", b"\x0a"):  # an attribute's graph, a node's attribute, a graph's node
            data = field + varint(len(data)) + data
    with pytest.raises(ModelError) as caught:
        checked(b"\x3a" + varint(len(data)) + data, Limits())
    assert str(caught.value).startswith("the file must be an ONNX file, but it does not decode as one.")


def varint(number: int) -> bytes:
    """As protobuf writes lengths: seven bits a byte, lowest first."""
    return bytes([number & 127 | 128]) + varint(number >> 7) if number > 127 else bytes([number])


def test_nodes_of_subgraphs_count():
    assert facts(nested(3)).nodes == 1 + 2 + 4 + 8
    assert refusal(nested(3), nodes=14).startswith("a network must have at most 14 operators")
