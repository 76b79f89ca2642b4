"""Who goes on: a look that its interval may still lift onto the frontier, and no other."""

from dataclasses import replace

from edgekit.search.autopilot.rungs import gain_to_beat, look_samples, may_matter, next_to_measure, refined
from edgekit.search.autopilot.seen import frontier_of, with_latencies
from tests.search.autopilot.made_up import BITS, miss, seen

POINT = seen("point", gain=-0.01, size=0.25, latency=0.5)


def test_a_look_that_cannot_beat_a_point_within_its_interval_is_dropped():
    assert not may_matter(look("worse", -0.04, 0.25, spread=0.02), [POINT])
    assert may_matter(look("unsure", -0.02, 0.25, spread=0.02), [POINT])
    assert may_matter(look("smaller", -0.04, 0.2, spread=0.02), [POINT])


def test_a_look_that_may_be_faster_goes_on():
    faster = look("fewer macs", -0.04, 0.3, macs=0.5)
    assert faster.latency == 0.25, "half of the work of the point that runs on integers too"
    assert may_matter(faster, [POINT])


def test_what_was_scored_on_all_samples_is_compared_by_what_it_gains_and_no_longer_by_what_it_might():
    unsure = look("unsure", -0.02, 0.25, spread=0.02)
    assert gain_to_beat(unsure, [POINT, seen("better, but larger", 0.0, 0.3, 0.5)]) == POINT.gain.value
    assert gain_to_beat(look("smaller", -0.02, 0.2), [POINT]) is None
    assert not may_matter(replace(unsure, scored=True), [POINT])
    assert may_matter(look("scored, and better", -0.005, 0.25, spread=0.02, scored=True), [POINT])


def test_where_nothing_alike_was_timed_a_look_is_measured():
    floats = seen("floats", -0.04, 0.3, whole=False, integers=False)
    assert with_latencies([floats], [POINT])[0].latency is None
    assert may_matter(floats, [POINT])


def test_a_sure_miss_goes_on_only_while_nothing_holds_every_limit():
    missing, holding = look("misses", 0.0, 0.1, missed=(miss(0.5),)), POINT
    assert not may_matter(missing, [holding])
    assert may_matter(missing, [seen("misses too", -0.01, 0.25, 0.5, missed=(miss(2.0),))])


def test_the_look_nearest_to_the_limits_is_measured_first_and_no_point_twice():
    near, far = look("near", -0.02, 0.1, missed=(miss(0.1),)), look("far", 0.0, 0.1, missed=(miss(0.9),))
    assert next_to_measure([far, near], []) == near
    assert next_to_measure([seen("point", -0.01, 0.25, whole=False)], [POINT]) is None


def test_what_takes_long_is_tried_on_the_frontier_alone():
    best = seen("best", -0.01, 0.1, 0.5, steps=BITS)
    beaten = seen("beaten", -0.02, 0.11, 0.5, steps=[{"quantize_weights": {"bits": 2}}])
    assert refined([best, beaten]) == [
        [{"quantize_weights": {"bits": 3, "activations": "int8", "rounding": "reconstructed"}}]
    ]
    mixed = seen("mixed", -0.004, 0.12, 0.5, steps=[{"quantize_mixed": {"average_bits": 3.0}}])
    assert refined([mixed]) == [[{"quantize_mixed": {"average_bits": 3.0, "rounding": "reconstructed"}}]]
    done = seen("done", -0.005, 0.1, 0.5, steps=refined([best])[0])
    assert refined([done, beaten]) == []


def test_looks_are_taken_only_where_they_save_something():
    assert look_samples(5000) == 1000
    assert look_samples(1200) is None


def test_the_frontier_has_every_point_that_no_other_beats():
    points = [POINT, seen("same size, slower, worse", -0.02, 0.25, 0.6), seen("faster", -0.05, 0.25, 0.2)]
    assert [point.run for point in frontier_of(points)] == ["point", "faster"]


def look(name, gain, size, **others):
    """A look whose latency was estimated from POINT."""
    return with_latencies([seen(name, gain, size, whole=False, **others)], [POINT])[0]
