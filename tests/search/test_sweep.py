"""Grids: what the words mean, what is refused, and that every point is measured once."""

import pytest

from edgekit.core.errors import EdgeKitError
from edgekit.search.sweep import EXAMPLE, grid, sweep
from edgekit.store.store import Store


def test_a_grid_is_every_combination_in_the_order_of_its_parts():
    found = grid("prune_channels.sparsity=0.1:0.3:0.1 × quantize_weights.bits=2,8")
    assert [[*map(list, map(dict.values, steps))] for steps in found] == [
        [[{"sparsity": sparsity}], [{"bits": bits}]] for sparsity in (0.1, 0.2, 0.3) for bits in (2, 8)
    ]
    assert all([*map(list, steps)] == [["prune_channels"], ["quantize_weights"]] for steps in found)


@pytest.mark.parametrize("joined", ["×", " * ", " x ", "*"])
def test_parts_are_joined_as_people_write_it(joined):
    text = joined.join(["prune_weights.sparsity=0.6", "prune_weights.scope=per layer", "quantize_static"])
    assert grid(text) == [[{"prune_weights": {"sparsity": 0.6, "scope": "per layer"}}, {"quantize_static": {}}]]


def test_a_range_has_both_ends_whatever_floats_make_of_it():
    assert len(grid("prune_channels.sparsity=0.1:0.8:0.1")) == 8


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prune_chanels.sparsity=0.1", "no technique 'prune_chanels'. Did you mean 'prune_channels'?"),
        ("prune_channels.sparsty=0.1", "Channel pruning: no setting 'sparsty'. Did you mean 'sparsity'?"),
        (
            "prune_channels.sparsity",
            f"a part of a grid must be a technique, a setting and its values, as in {EXAMPLE}; "
            "not 'prune_channels.sparsity'.",
        ),
        (
            "prune_channels.sparsity=0.8:0.1:0.1",
            "a range must rise from its start to its end by steps above 0, not '0.8:0.1:0.1' "
            "(in 'prune_channels.sparsity=0.8:0.1:0.1').",
        ),
        (
            "prune_channels.sparsity=0.1:0.8",
            "a range must be from:to:step, such as 0.1:0.8:0.1, not '0.1:0.8' (in 'prune_channels.sparsity=0.1:0.8').",
        ),
        (
            "prune_channels.sparsity=0:0.9:0.001 × quantize_weights.bits=2,4,8",
            "a grid must have at most 2,000 points; this has 2,703. Take fewer values.",
        ),
    ],
)
def test_what_is_no_grid_is_refused_with_what_to_write(text, words):
    with pytest.raises(EdgeKitError) as refused:
        grid(text)
    assert str(refused.value) == words


def test_a_sweep_measures_each_point_once_and_says_which_could_not_be(tmp_path):
    with Store.open(tmp_path / "home") as store:
        text = "prune_weights.sparsity=0.0,0.5 × quantize_static.samples=32"
        first = sweep("lenet5-fashion", text, samples=100, store=store)
        again = sweep("lenet5-fashion", text, samples=100, store=store)
        assert [bool(one.run) for one in first] == [False, True]
        assert "sparsity" in first[0].error
        assert again[1].run.id == first[1].run.id
        assert first[1].run.id in {run.id for run in store.list()}, "points of a sweep are points of every page"
