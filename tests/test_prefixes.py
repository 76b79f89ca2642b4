"""States that are kept: each is a copy of its own, there is room for so many bytes, and processes share the costly."""

import os
import pickle
import time

import torch
from torch import nn

from edgekit.prefixes import Known, Prefixes, size
from edgekit.recipe import Compressed


def a_state(value: float, seconds: float = 1, inputs: int = 10) -> Known:
    network = nn.Linear(inputs, 9, bias=False)
    nn.init.constant_(network.weight, value)
    return Known(Compressed(network, None, {}, [], []), seconds)


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


def test_what_takes_longer_to_make_than_to_write_is_found_by_processes_that_share_a_folder(tmp_path):
    trainer, other = Prefixes(folder=tmp_path), Prefixes(folder=tmp_path)
    trainer.keep("trained", a_state(1, seconds=60))
    trainer.keep("quick", a_state(2, seconds=0.05))
    trainer.keep("large", a_state(2, seconds=0.3, inputs=500_000))
    assert torch.equal(other.find("trained").state.network.weight, torch.ones(9, 10))
    assert other.find("trained").seconds == 60
    assert other.find("quick") is None
    assert other.find("large") is None
    assert other, "there is something to look for, though nothing in memory"
    assert Prefixes().find("trained") is None


def test_in_a_folder_too_the_state_that_was_not_asked_for_the_longest_makes_room(tmp_path):
    one = len(pickle.dumps(a_state(0, seconds=60)))
    trainer, other = Prefixes(2 * one + 100, tmp_path), Prefixes(2 * one + 100, tmp_path)
    for age, key in ((200, "a"), (100, "b")):
        trainer.keep(key, a_state(1, seconds=60))
        os.utime(tmp_path / key, (time.time() - age,) * 2)
    other.find("a")
    trainer.keep("c", a_state(3, seconds=60))
    assert [other.find(key) is not None for key in "abc"] == [True, False, True]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "c"]


def test_what_cannot_be_pickled_is_kept_by_the_one_who_made_it(tmp_path):
    known, prefixes = a_state(1, seconds=60), Prefixes(folder=tmp_path)
    known.state.network.register_forward_hook(lambda module, inputs, output: output)
    prefixes.keep("a", known)
    assert prefixes.find("a") is not None
    assert Prefixes(folder=tmp_path).find("a") is None


def test_where_the_folder_is_gone_it_works_alone(tmp_path):
    prefixes = Prefixes(folder=tmp_path / "gone")
    prefixes.keep("a", a_state(1, seconds=60))
    assert prefixes.find("a") is not None
    assert prefixes.find("b") is None
