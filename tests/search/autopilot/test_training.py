"""What is trained, in which order, and for how long."""

from itertools import combinations

import pytest

from edgekit.core.anatomy import blocks
from edgekit.models.samples import load
from edgekit.search.autopilot.seen import key
from edgekit.search.autopilot.space import Space, trains
from edgekit.search.autopilot.start import first_stems, stems_of_two_blocks
from edgekit.search.autopilot.training import (
    LADDERS,
    Candidate,
    best_parts,
    best_third,
    bits_to_learn,
    candidates,
    how_many,
    in_order,
    next_rung,
)
from edgekit.search.limits import Miss
from tests.search.autopilot.made_up import miss, seen

HALF = ({"prune_channels": {}},)  # at its default


@pytest.fixture(scope="module")
def space():
    return Space.of(load("lenet5-fashion"), epochs=1)


def test_a_candidate_has_an_untrained_twin_of_the_same_size(space):
    for one in candidates(space):
        assert trains(one.trained((3,)))
        assert not trains(one.untrained())
        assert len(one.trained((3,))) - len(one.untrained()) == bool(one.stem), "the recovery is all that it has more"


def test_a_longer_training_begins_with_the_shorter_one_which_is_not_done_again():
    for bits in (4, 8):
        short, longer = (Candidate(HALF, bits).trained(rungs) for rungs in ((1,), (1, 5)))
        assert longer[: len(short) - 1] == short[:-1]
        assert longer[len(short) - 1 : -1] == [{"fine_tune": {"epochs": 5}}]


def test_what_is_trained_on_images_is_shown_where_the_original_looks(space):
    assert [one.recovery for one in candidates(space)] == [{"distill": {"attention": 100.0}}] * len(candidates(space))
    of_rows = Space.of(load("digits-gru"), epochs=1)
    assert {next(iter(one.recovery)) for one in candidates(of_rows)} == {"fine_tune"}


def test_families_hold_for_what_is_trained_too():
    pruning = Space.of(load("lenet5-fashion"), ["Pruning", "Recovery"], epochs=1)
    assert candidates(pruning) == [], "no way to store it is allowed"


def test_those_within_the_limits_come_first_with_the_most_network_left():
    small, large, over = Candidate(HALF, 4), Candidate((), 3), Candidate(HALF, 2)
    twins = [
        twin(small, macs=0.3),
        twin(large, macs=1.0),
        twin(over, macs=0.3, missed=(miss(0.2),)),
    ]
    assert in_order([over, small, large], twins, []) == [large, small, over]
    assert in_order([over, small], twins[:1], []) == [small], "what was not looked at has no place yet"


def test_of_those_within_the_limits_with_as_much_network_left_the_one_that_lost_least_comes_first(space):
    ones = [Candidate(({"prune_channels": {"sparsity": share}},), 4) for share in (0.1, 0.2)]
    twins = [
        seen(one.key, gain, 0.1, 0.5, steps=one.untrained(), macs=0.5)
        for one, gain in zip(ones, (-0.2, -0.1), strict=True)
    ]
    assert in_order(ones, twins, []) == ones[::-1]


def test_what_was_not_timed_is_expected_to_take_the_root_of_the_work_as_long_as_the_best_larger_network():
    ones = [Candidate(({"prune_channels": {"sparsity": share}},), 4) for share in (0.1, 0.2)]
    twins = [twin(one, macs=macs, whole=False, latency=None) for one, macs in zip(ones, (0.81, 0.64), strict=True)]
    known = [seen(name, 0.0, 0.2, latency) for name, latency in (("good", 0.5), ("bad", 0.9))]
    assert in_order(ones, twins, known) == ones
    assert in_order(ones, twins, known, slowest=0.46) == ones, "0.9 of 0.5"
    assert in_order(ones, twins, known, slowest=0.41) == ones[::-1], "0.8 of 0.5"
    known.append(seen("small", -0.2, 0.1, 0.16, macs=0.32))
    assert in_order(ones, twins, known, slowest=0.41) == ones, "not more than 0.81 / 0.32 of 0.16"


def test_what_was_timed_and_is_too_slow_comes_last_unless_it_may_be_noise():
    ones = [Candidate(({"prune_channels": {"sparsity": share}},), 4) for share in (0.1, 0.2)]
    for by, expected in ((0.02, ones[::-1]), (0.005, ones)):
        slow = Miss("latency=0.35x", "Latency is above it", by)
        twins = [twin(ones[0], macs=0.9, missed=(slow,)), twin(ones[1], macs=0.6)]
        assert in_order(ones, [], twins, slowest=0.35) == expected
    too_large = [twin(ones[0], macs=0.9, missed=(miss(0.02),)), twin(ones[1], macs=0.6)]
    assert in_order(ones, [], too_large) == ones, "fewer bits help with that"


def test_of_a_network_with_blocks_each_may_go_by_itself_and_of_one_without_none():
    with_blocks = first_stems(Space.of(load("resnet20-cifar10"), epochs=1))
    skipped = [step["prune_blocks"]["skip"] for stem in with_blocks for step in stem[:1] if "skip" in str(step)]
    names = {name for name, _ in blocks(load("resnet20-cifar10").network)}
    assert {frozenset(names - set(skip)) for skip in skipped} == {frozenset([name]) for name in names}
    assert not any("prune_blocks" in step for stem in first_stems(Space.of(load("lenet5-mnist"))) for step in stem)


def test_of_a_network_with_few_blocks_each_two_may_go_which_are_put_together_from_one_each():
    names = {name for name, _ in blocks(load("resnet20-cifar10").network)}

    def gone(stem: list) -> frozenset[str]:
        return frozenset(names - set(stem[0]["prune_blocks"]["skip"]))

    found = list(stems_of_two_blocks(Space.of(load("resnet20-cifar10"), epochs=1)))
    assert {gone(stem) for stem, _ in found} == {frozenset(pair) for pair in combinations(names, 2)}
    for stem, parts in found:
        assert [len(gone(part)) for part in parts] == [1, 1]
        assert frozenset.union(*map(gone, parts)) == gone(stem)


def test_what_is_put_together_is_the_half_of_the_parts_that_loses_least_by_itself():
    alone = [Candidate(({"prune_blocks": {"skip": [name]}},), 4) for name in "abc"]
    losses = zip(alone, (-0.2, -0.1, -0.3), strict=True)
    assert best_parts([(one, seen(one.key, gain, 0.1)) for one, gain in losses]) == [alone[1].stem, alone[0].stem]


def test_where_only_quality_is_limited_how_slim_to_go_is_found_by_halves():
    ones = [Candidate(({"prune_channels": {"sparsity": share}},), 4) for share in (0.1, 0.3, 0.4, 0.6, 0.7, 0.8)]
    twins = [twin(one, macs=1 - one.stem[0]["prune_channels"]["sparsity"]) for one in ones]

    def order(**recovered: bool) -> list[float]:
        trained = {ones[int(place[1:])].key: did for place, did in recovered.items()}
        found = in_order(ones, twins, [], limited=False, trained=trained)
        return [one.stem[0]["prune_channels"]["sparsity"] for one in found]

    assert order() == [0.6, 0.3, 0.8, 0.1, 0.4, 0.7]
    assert order(_3=True) == [0.8, 0.7, 0.6, 0.4, 0.3, 0.1], "slimmer than what recovered"
    assert order(_3=False) == [0.3, 0.1, 0.4, 0.6, 0.7, 0.8], "less slim than what did not"
    assert order(_1=True, _4=False)[:2] == [0.6, 0.4]
    assert in_order(ones, twins, []) == ones


def test_where_only_quality_is_limited_what_trains_with_the_codes_in_place_comes_last():
    stems = [({"prune_channels": {"sparsity": share}},) for share in (0.3, 0.6)]
    ones = [Candidate(stem, bits) for stem in stems for bits in (2, 4)]
    found = in_order(ones, [twin(one, macs=1 / one.bits) for one in ones], [], limited=False)
    assert [one.bits for one in found] == [4, 4, 2, 2]


def test_of_candidates_that_are_trained_alike_the_one_within_the_limits_with_the_most_bits_is_trained():
    ones = [Candidate(HALF, bits) for bits in (4, 3, 2)]
    assert ones[0].training == ones[1].training != ones[2].training
    twins = [twin(one, macs=0.3) for one in ones]
    assert in_order(ones, twins, []) == [ones[0], ones[2]]
    too_large = [twin(ones[0], macs=0.3, missed=(miss(0.2),)), *twins[1:]]
    assert in_order(ones, too_large, []) == [ones[1], ones[2]]


@pytest.mark.parametrize(
    ("reached", "able", "more"),
    [(1, 20, 3), (1, 12, 3), (3, 9, 9), (1, 11, 9), (1, 6, 6), (1, 3, 3), (1, 2, None), (3, 8, None), (6, 9, None)],
)
def test_where_there_is_no_time_for_all_rungs_the_last_begins_sooner_and_takes_what_is_left(reached, able, more):
    assert next_rung(LADDERS["thorough"], reached, able) == more


def test_after_the_last_rung_nothing_follows():
    assert next_rung(LADDERS["thorough"], 9, 100) is None
    assert next_rung(LADDERS["quick"], 1, 100) == 3


def test_the_first_rung_is_as_wide_as_the_time_allows():
    ladder = LADDERS["thorough"]
    assert how_many(ladder, seconds=36 * 60, seconds_an_epoch=60) == 6
    assert how_many(ladder, seconds=60, seconds_an_epoch=60) == 1
    assert how_many(ladder, seconds=1e6, seconds_an_epoch=1) == 9


def test_rounding_is_learned_at_as_many_bits_as_the_limit_on_size_has_room_for():
    assert bits_to_learn({4: 0.12, 3: 0.09}, 0.1) == (3.3,)
    assert bits_to_learn({4: 0.12, 3: 0.09, 2: 0.06}, 0.085) == (2.8,)
    assert bits_to_learn({4: 0.12, 3: 0.09}, 0.5) == (4.5,), "more gain nothing"
    assert len(bits_to_learn({4: 0.12, 3: 0.09}, None)) == len(bits_to_learn({4: 0.12}, 0.1)) == 2


def test_the_best_third_goes_on_nearest_to_the_limits_first():
    ones = [Candidate(HALF, bits) for bits in (8, 4, 3, 2)]
    found = [
        seen("far", 0.0, 0.1, 0.5, missed=(miss(0.9),)),
        seen("holds", -0.01, 0.1, 0.5),
        seen("near", -0.01, 0.1, 0.5, missed=(miss(0.1),)),
        seen("holds, larger", -0.01, 0.2, 0.5),
    ]
    assert best_third(list(zip(ones, found, strict=True))) == [ones[1], ones[3]]
    assert best_third(list(zip(ones, found, strict=True))[:2], least=2) == [ones[1], ones[0]], "one for each worker"


def twin(one: Candidate, **others):
    return seen(key(one.untrained()), -0.3, 0.1, others.pop("latency", 0.5), steps=one.untrained(), **others)
