"""What layers put out before and after: SQNR by its definition, the same tensor on both sides, grids of the file."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgekit.measure.layer_values import layer_outputs, outputs_of
from edgekit.measure.noise import sqnr_db
from tests.measure.graphs import chain

INPUTS = np.random.default_rng(1).standard_normal((20, 192)).astype(np.float32)


def changed(path, weight: str, change) -> None:
    """Put other numbers into one weight of a file."""
    graph = onnx.load(path)
    tensor = next(one for one in graph.graph.initializer if one.name == weight)
    tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor)), weight))
    onnx.save(graph, path)


def test_sqnr_is_the_ratio_of_powers_in_decibels():
    before = np.array([3.0, 4.0])
    assert sqnr_db(before, before + [0.5, 0.0]) == pytest.approx(10 * np.log10(25 / 0.25))
    assert sqnr_db(before, np.zeros(2)) == pytest.approx(0.0)
    assert sqnr_db(before, before) == np.inf
    assert sqnr_db(before, before[:1]) is None


def test_one_bit_more_is_worth_six_decibels():
    values = np.random.default_rng(0).uniform(-1, 1, 100_000)
    ratios = [sqnr_db(values, np.rint(values * 2**bits) / 2**bits) for bits in (4, 5)]
    assert ratios[1] - ratios[0] == pytest.approx(20 * np.log10(2), abs=0.1)


def test_a_layer_with_other_weights_moves_and_those_before_it_do_not(tmp_path):
    before, after = chain(tmp_path / "before.onnx", 3), chain(tmp_path / "after.onnx", 3)
    changed(after, "layer1.weight", lambda weight: weight * np.float32(1.1))
    first, second, third = layer_outputs(before, after, INPUTS)
    assert [one.layer for one in (first, second, third)] == ["layer0", "layer1", "layer2"]
    assert first.sqnr_db == np.inf
    assert second.sqnr_db == pytest.approx(20.0, abs=0.01), "a tenth more of everything is a noise of a tenth"
    assert third.sqnr_db == pytest.approx(20.0, abs=0.01), "what came before counts"
    assert np.allclose(second.after, 1.1 * second.before, atol=1e-5)
    assert np.array_equal(first.before, first.after)


def test_narrower_layers_have_values_but_no_ratio(tmp_path):
    before, after = chain(tmp_path / "before.onnx", 2), chain(tmp_path / "after.onnx", 2)
    changed(after, "layer0.weight", lambda weight: weight[:, :100].copy())
    changed(after, "layer1.weight", lambda weight: weight[:100].copy())
    first, second = layer_outputs(before, after, INPUTS)
    assert first.sqnr_db is None
    assert len(first.after) > 0
    assert 0 < second.sqnr_db < 20


def test_an_output_is_taken_behind_the_bias_of_a_matrix_product_and_the_scale_of_an_integer_one():
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["product"], "plain"),
        helper.make_node("Add", ["product", "b"], ["biased"], "add"),
        helper.make_node("MatMulInteger", ["q", "v"], ["counted"], "integer"),
        helper.make_node("Cast", ["counted"], ["cast"], "cast", to=1),
        helper.make_node("Mul", ["cast", "scales"], ["scaled"], "mul"),
        helper.make_node("Add", ["scaled", "b"], ["whole"], "add2"),
        helper.make_node("Add", ["whole", "biased"], ["sum"], "residual"),
        helper.make_node("Conv", ["sum", "k"], ["y"], "conv"),
        helper.make_node("Add", ["y", "b"], ["z"], "behind"),
    ]
    stored = [numpy_helper.from_array(np.zeros(1, np.float32), name) for name in "wbvk"]
    graph = helper.make_model(helper.make_graph(nodes, "test", [], [], stored))
    assert outputs_of(graph) == {"plain": "biased", "integer": "whole", "conv": "y"}


def test_progress_is_told_and_every_sample_is_seen(tmp_path):
    path, told = chain(tmp_path / "one.onnx", 1), []
    (only,) = layer_outputs(path, path, INPUTS, lambda fraction, what: told.append(fraction))
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(only.before) == INPUTS.size, "so few values are all kept"
