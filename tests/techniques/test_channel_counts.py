"""How many channels stay: the way in steps, and the search for a cost."""

from types import SimpleNamespace

import pytest
import torch

from edgekit.techniques._channel_counts import MOST_TRIES, Counts, Scored, counts, counts_for_cost
from edgekit.techniques.prune_channels import PruneChannels


def scored(name: str, channels: int, least: float = 1.0, full: int | None = None, **settings) -> Scored:
    """A layer whose channels matter from `least` upwards."""
    scores = torch.linspace(least, least + 1, channels)
    return Scored((name,), PruneChannels(**({"round_to": 1} | settings)), scores, full or channels)


def macs(kept: Counts) -> float:
    """Of three matrix products in a row, with 10 inputs and 10 outputs."""
    first, second = kept
    return 10 * first + first * second + 10 * second


@pytest.mark.parametrize(("far", "kept"), [(0.0, 64), (0.5, 32), (1.0, 16), (1.5, 8)])
def test_half_way_twice_makes_the_whole_way(far: float, kept: int):
    assert counts([scored("a", 64, sparsity=0.75)], far) == (kept,)


def test_a_second_round_counts_what_the_first_one_took():
    assert counts([scored("a", 32, sparsity=0.75, full=64)], 1.0) == (16,)
    both = [scored("a", 24, sparsity=0.75, scope="global", full=64), scored("b", 40, sparsity=0.75, scope="global")]
    assert sum(counts(both, 1.0)) == 26  # a quarter of 104 channels, 40 of which are gone already


def test_a_cost_is_met_by_the_widest_layers_that_cost_no_more():
    layers = [scored("a", 64), scored("b", 64, least=2.0)]
    wanted = 0.5 * macs((64, 64))  # 2,688 = n² + 20 n at n = 42.8
    assert counts_for_cost(layers, 0.5, wanted, macs) == (42, 43)
    assert macs((42, 43)) <= wanted < macs((43, 43))


def test_where_rounding_moves_several_layers_at_once_those_that_matter_least_go_first():
    layers = [scored("a", 16, round_to=8, least=2.0), scored("b", 16, round_to=8)]
    cost = {(16, 16): 100, (16, 8): 60, (8, 16): 60, (8, 8): 30}.__getitem__
    assert counts_for_cost(layers, 0.5, 60, cost) == (16, 8)
    assert counts_for_cost(layers, 0.5, 59, cost) == (8, 8)


def test_a_cost_out_of_reach_gives_the_narrowest_network():
    layers = [scored(name, 64, round_to=8, sparsity=0.9) for name in "ab"]
    assert counts_for_cost(layers, 0.9, 1.0, macs) == (8, 8)


def test_a_cost_that_is_met_already_leaves_everything():
    assert counts_for_cost([scored("a", 16), scored("b", 16)], 0.5, macs((16, 16)), macs) == (16, 16)


def test_a_layer_with_a_sparsity_of_its_own_goes_as_much_less_far():
    layers = [scored("a", 64, sparsity=0.5), scored("b", 64, sparsity=0.75)]
    first, second = counts_for_cost(layers, 0.5, 0.3 * macs((64, 64)), macs)
    assert second == pytest.approx(64 * (first / 64) ** 2, abs=1.5)


def test_a_search_asks_few_times_for_many_layers():
    asked = set()

    def cost(kept: Counts) -> float:
        asked.add(kept)
        return sum(kept)

    layers = [scored(str(number), 16, round_to=8, least=1 + number) for number in range(100)]
    assert counts_for_cost(layers, 0.5, 1200, cost) == (8,) * 50 + (16,) * 50
    assert len(asked) <= MOST_TRIES


def test_what_goes_is_what_matters_least():
    one = Scored(("a",), SimpleNamespace(), torch.tensor([3.0, 1.0, 2.0, 1.0]), 4)
    assert one.least(2) == [1, 3]
