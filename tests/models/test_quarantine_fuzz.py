"""Thousands of damaged files, the same ones every time: each gives facts, or a sentence that a person can read."""

from collections import Counter
from collections.abc import Callable
from functools import partial

import numpy as np
import onnx
import pytest

from edgekit.core.errors import ModelError
from edgekit.models._check import checked
from edgekit.models.facts import Facts, Limits
from edgekit.models.quarantine import examine
from tests.models.mutations import damaged
from tests.techniques.graphs import residual

FILES_PER_GRAPH = 2000
OPENED_PER_GRAPH = 10
LIMITS = Limits(cpu_seconds=10, wall_seconds=60)
INTEGERS = """
<ir_version: 10, opset_import: ["" : 21]>
integers (float[batch, 4] input) => (float[batch, 2] output) {
    weight = Constant <value = int8[4, 2] {1, -2, 3, 4, 5, -6, 7, 8}> ()
    zero = Constant <value = int8 {0}> ()
    codes, scale, offset = DynamicQuantizeLinear(input)
    product = MatMulInteger(codes, weight, offset, zero)
    numbers = Cast <to = 1> (product)
    output = Mul(numbers, scale)
}
"""
NESTED = """
<ir_version: 10, opset_import: ["" : 21, "own" : 1]>
nested (float[n] input, int64 times, string label) => (float[n] output, string same) {
    same = Identity(label)
    yes = Constant <value = bool {1}> ()
    start = own.twice(input)
    sum = Loop <body = again (int64 i, bool go, float[n] a) => (bool on, float[n] b) {
        on = Identity(go)
        b = If(go) <then_branch = larger () => (float[n] c) { c = Neg(a) },
                    else_branch = smaller () => (float[n] d) { d = Abs(a) }>
    }> (times, yes, start)
    output = own.twice(sum)
}
<domain: "own", opset_import: ["" : 21]>
twice (x) => (y) { y = Add(x, x) }
"""
GRAPHS = {"residual": residual, "integers": lambda: onnx.parser.parse_model(INTEGERS)}
GRAPHS["nested"] = lambda: onnx.parser.parse_model(NESTED)
each_graph = pytest.mark.parametrize("name", GRAPHS)


def is_a_sentence(message: str) -> bool:
    """One line, short enough to read, that ends as a sentence does and shows nothing of our program."""
    return message.isprintable() and len(message) < 500 and message.endswith(".") and "Traceback" not in message


@each_graph
def test_the_graphs_are_sound_before_they_are_damaged(name, tmp_path):
    onnx.save(GRAPHS[name](), tmp_path / "sound.onnx")
    assert examine(tmp_path / "sound.onnx").runs


def outcome(open_it: Callable[[], Facts]) -> Facts | str:
    """Facts, or what is said instead; anything else that is raised fails the test."""
    try:
        return open_it()
    except ModelError as refused:
        return str(refused)


@each_graph
def test_thousands_of_damaged_files_give_facts_or_a_sentence(name):
    data, random, ends = GRAPHS[name]().SerializeToString(), np.random.default_rng(0), Counter()
    for _ in range(FILES_PER_GRAPH):
        found = outcome(partial(checked, damaged(data, random), LIMITS))
        if isinstance(found, str):
            assert is_a_sentence(found), found
            ends[found[:40]] += 1
        else:
            assert Facts.model_validate_json(found.model_dump_json()) == found
            ends["facts"] += 1
    assert ends["facts"] > 0.1 * FILES_PER_GRAPH
    assert len(ends) > 10  # so the damage reaches most of what is checked


@each_graph
def test_damaged_files_are_opened_and_run_where_they_do_no_harm(name, tmp_path):
    data, random = GRAPHS[name]().SerializeToString(), np.random.default_rng(1)
    path = tmp_path / "damaged.onnx"
    for _ in range(OPENED_PER_GRAPH):
        path.write_bytes(damaged(data, random))
        found = outcome(partial(examine, path, LIMITS))
        if isinstance(found, str):
            assert is_a_sentence(found), found
        else:
            assert found.runs == (found.why_not == "")
            assert found.why_not.isprintable()
            assert len(found.why_not) <= 300
