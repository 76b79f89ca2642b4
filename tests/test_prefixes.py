"""States that are kept in memory: each is a copy of its own, and there is room for so many bytes of them."""

import torch
from torch import nn

from edgekit.prefixes import Known, Prefixes, size
from edgekit.recipe import Compressed


def a_state(value: float) -> Known:
    network = nn.Linear(10, 9, bias=False)
    nn.init.constant_(network.weight, value)
    return Known(Compressed(network, None, {}, [], []), seconds=value)


def test_what_comes_out_is_what_went_in_whatever_is_done_to_either():
    prefixes, given = Prefixes(), a_state(1)
    prefixes.keep("a", given)
    nn.init.zeros_(given.state.network.weight)
    nn.init.zeros_(prefixes.find("a").state.network.weight)
    assert torch.equal(prefixes.find("a").state.network.weight, torch.ones(9, 10))
    assert prefixes.find("a").seconds == 1
    assert prefixes.find("b") is None


def test_the_state_that_was_not_asked_for_the_longest_makes_room():
    one = size(a_state(0).state)
    assert one == 360
    prefixes = Prefixes(2 * one)
    prefixes.keep("a", a_state(1))
    prefixes.keep("b", a_state(2))
    prefixes.find("a")
    prefixes.keep("c", a_state(3))
    assert [prefixes.find(key) is not None for key in "abc"] == [True, False, True]


def test_a_state_that_is_larger_than_all_the_room_is_not_kept():
    prefixes = Prefixes(300)
    prefixes.keep("a", a_state(1))
    assert prefixes.find("a") is None
