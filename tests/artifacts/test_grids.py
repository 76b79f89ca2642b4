"""Grids read from files: each holds the very weights that the file holds, however they were rounded and packed."""

import numpy as np
import onnx
import pytest

from edgekit.artifacts.grids import Grid, held, tensor_grids
from edgekit.artifacts.read import layers, weights
from edgekit.artifacts.write import write
from edgekit.core.host import this_host
from edgekit.data.feed import bench
from edgekit.data.splits import load as data
from edgekit.library import load
from edgekit.measure.candidates import Candidates
from edgekit.recipe import Recipe

NEAREST = {"rounding": "nearest", "edge_bits": 2}
RECIPES = {
    "static": [{"quantize_static": {"samples": 32}}],
    "dynamic": [{"quantize_dynamic": {}}],
    "packed": [{"quantize_weights": {"bits": 3, **NEAREST}}],
    "packed integers": [{"quantize_weights": {"bits": 4, "activations": "int8", "samples": 32, **NEAREST}}],
    "zero points": [{"quantize_weights": {"bits": 4, "symmetric": False, **NEAREST}}],
    "groups": [{"quantize_weights": {"bits": 4, "group_size": 16, **NEAREST}}],
    "codebook": [{"quantize_weights": {"bits": 3, "values": "kmeans", **NEAREST}}],
    "powers of two": [{"quantize_weights": {"bits": 4, "values": "powers", **NEAREST}}],
    "shared": [{"share_weights": {}}],
    "sparse": [{"prune_weights": {"sparsity": 0.8}}, {"quantize_weights": {"bits": 4, **NEAREST}}],
}


@pytest.fixture(scope="module")
def model():
    return load("lenet5-fashion")


def compressed(model, steps, folder):
    """The file of a recipe."""
    dataset = data(model.data)
    tools = bench(model, dataset, host=this_host(), candidates=Candidates(model, dataset.validation))
    state = Recipe.parse(steps).apply(model, tools)
    return write(state.graph, state.encodings, folder, "", None).path


@pytest.mark.parametrize("steps", RECIPES.values(), ids=RECIPES)
def test_a_grid_holds_the_weights_that_the_file_holds(steps, model, tmp_path):
    path = compressed(model, steps, tmp_path)
    found, used = held(path), weights(path)
    grids = {name: one.grid for name, one in found.items() if one.grid is not None}
    assert "fc1" in grids
    for name, grid in grids.items():
        assert np.array_equal(found[name].values, used[name])
        for channel in range(min(found[name].channels, 6)):
            values, levels = found[name].of_channel(channel), grid.levels(channel)
            nearest = levels[np.abs(values[:, None] - levels[None]).argmin(1)]
            assert np.allclose(values, nearest, rtol=1e-5, atol=1e-9), (name, channel)


@pytest.mark.parametrize("name", ["static", "packed", "packed integers", "zero points"])
def test_a_grid_has_as_many_levels_as_there_are_codes(name, model, tmp_path):
    path = compressed(model, RECIPES[name], tmp_path)
    bits = {row["layer"]: row["bits"] for row in layers(path)}
    found = {name: one for name, one in held(path).items() if one.grid is not None}
    assert {name: len(one.grid.levels(0)) for name, one in found.items()} == {name: 2 ** bits[name] for name in found}


def test_in_steps_of_its_own_grid_a_file_holds_whole_numbers(model, tmp_path):
    for steps in (RECIPES["static"], RECIPES["zero points"]):
        one = held(compressed(model, steps, tmp_path))["conv2"]
        steps = one.in_steps(one.values)
        codes = np.rint(steps)
        assert np.allclose(steps, codes, atol=1e-3)
        assert one.grid.first <= codes.min() <= codes.max() <= one.grid.last


def test_floats_have_no_grid(model, tmp_path):
    assert {one.grid for one in held(compressed(model, [], tmp_path)).values()} == {None}


def test_levels_by_hand():
    grid = Grid(np.float32([[0.5], [2.0]]), np.array([[0], [1]]), -2, 1)
    assert grid.levels(0).tolist() == [-1.0, -0.5, 0.0, 0.5]
    assert grid.levels(1).tolist() == [-6.0, -4.0, -2.0, 0.0]
    assert grid.even
    book = Grid(np.float32([[2.0]]), np.array([[0]]), 0, 2, np.float32([-1, 0, 3]))
    assert book.levels(7).tolist() == [-2.0, 0.0, 6.0]
    assert not book.even


def test_the_grid_of_an_activation_is_that_of_its_quantizer(model, tmp_path):
    graph = onnx.load(compressed(model, RECIPES["static"], tmp_path))
    grids = tensor_grids(graph)
    grid = grids["input"]
    levels = grid.levels()
    assert len(levels) == 256
    assert np.isclose(levels[1] - levels[0], grid.scale[0, 0])
    assert 0.0 in levels
